// A node in a process of its own, which its parent can stop and thaw. It reads one order a line, `enqueue` or `go`, and prints
// one line for each thing that happens to it.
import { createInterface } from 'node:readline'
import type { LogFields } from '../../../../src/core/log.ts'
import { type Gate, gate } from '../../../../src/jobs/fixtures/gate.ts'
import type { LateInput } from './late.ts'
import { type NodeOptions, startNode } from './node.ts'

/** What its parent can ask of it. */
export type Order = { readonly enqueue: LateInput } | { readonly go: string }

/** What it tells. */
export type Line =
  | { readonly kind: 'ready' }
  | { readonly kind: 'met'; readonly owner: string; readonly attempt: number }
  | { readonly kind: 'told'; readonly owner: string; readonly how: string }
  | { readonly kind: 'warned'; readonly fields: LogFields; readonly message: string }

const say = (line: Line): void => void process.stdout.write(`${JSON.stringify(line)}\n`)

const gates = new Map<string, Gate>()
const node = await startNode(JSON.parse(process.argv[2] ?? '') as NodeOptions, {
  meet: (owner, attempt) => {
    const closed = gate()
    gates.set(owner, closed)
    say({ kind: 'met', owner, attempt })
    return closed
  },
  told: (owner, how) => say({ kind: 'told', owner, how }),
  warned: (fields, message) => say({ kind: 'warned', fields, message }),
})
say({ kind: 'ready' })
for await (const line of createInterface({ input: process.stdin })) {
  const order = JSON.parse(line) as Order
  if ('enqueue' in order) await node.enqueue(order.enqueue)
  else gates.get(order.go)?.open()
}
await node.stop()
