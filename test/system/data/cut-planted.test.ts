import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import pg from 'pg'
import { type Begins, type Side, saying } from '../kit/cut-proxy.ts'
import { kitDatabases, proxied } from '../kit/databases.ts'
import { until, within } from '../kit/deadline.ts'
import {
  blindRetry,
  connector,
  hastyAnswer,
  markerAfter,
  markerBefore,
  RAW_MARKERS,
  type RawWrite,
  sound,
} from '../kit/planted/writes.ts'
import { type Disturbed, faults, payRaw } from './pay.ts'

/** Sweeps a write by hand as cut.test.ts sweeps the data client's, and says what was found. */
async function sweepRaw(t: TestContext, write: RawWrite, begins: Begins, step: number): Promise<string[]> {
  const [cluster] = await kitDatabases(t)
  const { connection } = cluster!
  const admin = new pg.Client(connection)
  await admin.connect()
  await admin.query(RAW_MARKERS)
  // The fence would rightly refuse writes that go around it.
  for (const table of ['elements', 'counters']) await admin.query(`alter table ${table} disable trigger user`)
  await admin.end()
  const { proxy, connection: through } = await proxied(t, connection)
  const connect = connector(through)
  const measure = async (key: number) => {
    const bytes = proxy.count(begins)
    await payRaw(write, connect, key, `pay ${key}`)
    // Goodbyes belong to the conversation, and so does a COMMIT that nobody waits for.
    await until('the end of the conversation', () => proxy.connections === 0 || undefined)
    return { ...bytes }
  }
  const lengths = await measure(100_000)
  const payments: Disturbed[] = []
  for (const side of ['request', 'answer'] satisfies Side[]) {
    for (let after = 0; after <= lengths[side]; after += step) {
      const key = 100_001 + payments.length
      proxy.arm({ side, after }, begins)
      const answer = await within(payRaw(write, connect, key, `pay ${key}`), `byte ${after} of the ${side}`)
      // A COMMIT that nobody waits for is still on its way: it must meet the cut, too.
      await until('the end of the conversation', () => proxy.connections === 0 || undefined)
      proxy.disarm()
      payments.push({ key, side, after, answers: [answer] })
    }
  }
  // Had they grown, the last bytes of each would not have been cut.
  assert.equal((await measure(999_999)).request, lengths.request, 'conversations differ in length')
  return faults(connection, payments)
}

/** Coarse: a message is longer than this, so that each gap between two is met. */
const STEP = 11

describe('FAULTS case 10: planted bugs are caught by the same sweep', { concurrency: true }, () => {
  test('a sound write by hand passes', async (t) => {
    assert.deepEqual(await sweepRaw(t, sound, saying('begin'), STEP), [])
  })

  test('blind retry without a marker', async (t) => {
    const found = await sweepRaw(t, blindRetry, saying('begin'), STEP)
    assert.ok(
      found.some((fault) => /2 rows, the counter is 2/.test(fault)),
      found.join('\n'),
    )
  })

  test('marker committed before the work', async (t) => {
    const found = await sweepRaw(t, markerBefore, saying('raw_markers'), STEP)
    assert.ok(
      found.some((fault) => /0 rows, the counter is 0/.test(fault)),
      found.join('\n'),
    )
  })

  test('marker committed after the work', async (t) => {
    const found = await sweepRaw(t, markerAfter, saying('raw_markers'), STEP)
    assert.ok(
      found.some((fault) => /2 rows, the counter is 2/.test(fault)),
      found.join('\n'),
    )
  })

  test('answered before COMMIT', async (t) => {
    const found = await sweepRaw(t, hastyAnswer, saying('begin'), STEP)
    assert.ok(
      found.some((fault) => /0 rows, the counter is 0/.test(fault)),
      found.join('\n'),
    )
  })
})
