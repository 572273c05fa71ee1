import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import type { ConnectionOptions } from '../../../src/data/client/types.ts'
import { type CutProxy, type Side, saying } from '../kit/cut-proxy.ts'
import { type KitClient, kitClient, kitDatabases, newRequestId, proxied } from '../kit/databases.ts'
import { within } from '../kit/deadline.ts'
import { LONG } from '../kit/seed.ts'
import { type Disturbed, faults, pay } from './pay.ts'

interface Bench {
  readonly proxy: CutProxy
  /** Through the proxy. */
  readonly kit: KitClient
  /** Past the proxy. */
  readonly connection: ConnectionOptions
  /** As another process would have it, past the proxy. */
  readonly other: KitClient
}

async function bench(t: TestContext): Promise<Bench> {
  const clusters = await kitDatabases(t)
  const { connection } = clusters[0]!
  const { proxy, connection: through } = await proxied(t, connection)
  const kit = await kitClient([{ name: 'c0', connection: through }])
  t.after(() => kit.client.stop())
  const other = await kitClient(clusters)
  t.after(() => other.client.stop())
  return { proxy, kit, connection, other }
}

type Lengths = Readonly<Record<Side, number>>

const SIDES: readonly Side[] = ['request', 'answer']

/** The claim of the marker names the write: with it, in the same bytes, the conversation begins. */
const PAY = saying('pay')

/** All keys have as many digits, so that all conversations are as long. */
let keys = 100_000
const nextKey = (): number => {
  keys += 1
  return keys
}

/** How many bytes each side says in one payment. */
async function measure({ proxy, kit }: Bench): Promise<Lengths> {
  const bytes = proxy.count(PAY)
  await pay(kit, nextKey(), newRequestId())
  assert.ok(bytes.request > 100 && bytes.answer > 100, `not a conversation: ${JSON.stringify(bytes)}`)
  return { ...bytes }
}

/** The first payments of a connection name and prepare their statements; from here on all speak alike. */
async function measureWarm(one: Bench): Promise<Lengths> {
  let lengths = await measure(one)
  for (;;) {
    const next = await measure(one)
    if (next.request === lengths.request && next.answer === lengths.answer) return lengths
    lengths = next
  }
}

/** Cuts one payment after each `step`th byte of both sides, and judges them all. */
async function sweep(
  t: TestContext,
  { proxy, connection }: Bench,
  { lengths, step }: { lengths: Lengths; step: number },
  one: (key: number, requestId: string, severed: Promise<void>) => Promise<Disturbed['answers']>,
): Promise<void> {
  const payments: Disturbed[] = []
  for (const side of SIDES) {
    for (let after = 0; after <= lengths[side]; after += step) {
      const where = `byte ${after} of the ${side}`
      const [key, requestId] = [nextKey(), newRequestId()]
      const { severed, bytes } = proxy.arm({ side, after }, PAY)
      const answers = await within(one(key, requestId, within(severed, `the cut after ${where}`)), where)
      await within(severed, `the cut after ${where}`)
      assert.equal(bytes[side], after)
      payments.push({ key, side, after, answers })
    }
  }
  assert.deepEqual(await faults(connection, payments), [])
  t.diagnostic(
    `${payments.length} cuts in ${lengths.request} bytes of requests and ${lengths.answer} of answers`,
  )
}

describe('FAULTS case 10: the connection is cut at each byte of a write', { concurrency: true }, () => {
  test('the client resolves by itself', async (t) => {
    const one = await bench(t)
    const lengths = await measureWarm(one)
    await sweep(t, one, { lengths, step: 1 }, async (key, requestId) => [await pay(one.kit, key, requestId)])
  })

  test('on a fresh connection, whose statements are not prepared yet', async (t) => {
    const one = await bench(t)
    await measureWarm(one)
    one.proxy.cutAll()
    const lengths = await measure(one)
    await sweep(t, one, { lengths, step: LONG ? 1 : 31 }, async (key, requestId) => {
      one.proxy.cutAll()
      return [await pay(one.kit, key, requestId)]
    })
  })

  test('another process resolves while the first cannot, then the first does too', async (t) => {
    const one = await bench(t)
    const lengths = await measureWarm(one)
    await sweep(t, one, { lengths, step: LONG ? 1 : 11 }, async (key, requestId, severed) => {
      const first = pay(one.kit, key, requestId)
      await severed
      one.proxy.pause()
      const second = await within(pay(one.other, key, requestId), 'the other process')
      one.proxy.resume()
      return [second, await first]
    })
  })
})
