import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { type Side, saying } from '../kit/cut-proxy.ts'
import { kitClient, kitDatabases, newRequestId, proxied } from '../kit/databases.ts'
import { within } from '../kit/deadline.ts'
import { LONG } from '../kit/seed.ts'
import { type Disturbed, faults, type Paid, pay } from './pay.ts'

const PAYER = fileURLToPath(new URL('./payer.ts', import.meta.url))

/** A payment in a process of its own; what it printed, and its end. */
function payer(order: object): { kill(): void; ended: Promise<string> } {
  const child = spawn(process.execPath, ['--conditions=tenfold-source', PAYER, JSON.stringify(order)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let output = ''
  child.stdout.on('data', (chunk) => {
    output += chunk
  })
  return {
    kill: () => child.kill('SIGKILL'),
    ended: new Promise((resolve) => child.once('close', () => resolve(output))),
  }
}

test('FAULTS case 10: the process is killed at a byte of its write, and another one resolves', async (t) => {
  const clusters = await kitDatabases(t)
  const { connection } = clusters[0]!
  const { proxy, connection: through } = await proxied(t, connection)
  const other = await kitClient(clusters)
  t.after(() => other.client.stop())
  const bytes = proxy.count(saying('pay'))
  const whole = payer({ connection: through, key: 100_000, requestId: newRequestId() })
  assert.match(await within(whole.ended, 'a whole payment'), /"total":1/)
  const lengths = { request: bytes.request, answer: bytes.answer }

  const payments: Disturbed[] = []
  for (const side of ['request', 'answer'] satisfies Side[]) {
    const step = LONG ? 7 : Math.ceil(lengths[side] / 5)
    for (let after = 0; after <= lengths[side]; after += step) {
      const [key, requestId] = [100_001 + payments.length, newRequestId()]
      const { severed } = proxy.arm({ side, after }, saying('pay'))
      const { kill, ended } = payer({ connection: through, key, requestId })
      await within(severed, `the cut after byte ${after} of the ${side}`)
      // It must not resolve by itself before it is dead.
      proxy.pause()
      kill()
      const printed = await within(ended, 'the end of the process')
      proxy.cutAll()
      proxy.resume()
      const answers = [await within(pay(other, key, requestId), 'the other process')]
      if (printed !== '') answers.push(JSON.parse(printed) as Paid)
      payments.push({ key, side, after, answers })
    }
  }
  assert.deepEqual(await faults(connection, payments), [])
  t.diagnostic(`${payments.length} processes killed`)
})
