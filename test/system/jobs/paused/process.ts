import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { within } from '../../kit/deadline.ts'
import type { NodeOptions } from './node.ts'
import type { Line, Order } from './sleeper.ts'

const SLEEPER = fileURLToPath(new URL('./sleeper.ts', import.meta.url))

/** The process of sleeper.ts. */
export interface Sleeper {
  order(order: Order): void
  /** Takes the first line of this kind that nobody has taken yet, and that contains these texts. */
  line<K extends Line['kind']>(kind: K, ...containing: string[]): Promise<Extract<Line, { kind: K }>>
  signal(name: 'SIGSTOP' | 'SIGCONT'): void
}

/** Starts one; it ends with the test, stopped or not. */
export async function startSleeper(t: TestContext, options: NodeOptions): Promise<Sleeper> {
  const child = spawn(process.execPath, ['--conditions=tenfold-source', SLEEPER, JSON.stringify(options)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  t.after(async () => {
    child.kill('SIGKILL')
    await ended
  })
  const lines: Line[] = []
  let arrived = Promise.withResolvers<void>()
  createInterface({ input: child.stdout }).on('line', (text) => {
    lines.push(JSON.parse(text) as Line)
    arrived.resolve()
    arrived = Promise.withResolvers()
  })
  const take = async (fits: (line: Line) => boolean): Promise<Line> => {
    for (;;) {
      const at = lines.findIndex(fits)
      if (at >= 0) return lines.splice(at, 1)[0]!
      await arrived.promise
    }
  }
  const sleeper: Sleeper = {
    order: (order) => void child.stdin.write(`${JSON.stringify(order)}\n`),
    line: async (kind, ...containing) => {
      const fits = (line: Line): boolean =>
        line.kind === kind && containing.every((text) => JSON.stringify(line).includes(text))
      const taken = await within(take(fits), [kind, ...containing].join(' ')).catch((error: Error) => {
        throw new Error(`${error.message}; it said ${JSON.stringify(lines)}`)
      })
      return taken as never
    },
    signal: (name) => void child.kill(name),
  }
  await sleeper.line('ready')
  return sleeper
}
