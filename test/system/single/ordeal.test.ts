import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { saying } from '../kit/cut-proxy.ts'
import { admin, kitDatabases, proxied } from '../kit/databases.ts'
import type { Violation } from '../kit/history.ts'
import { ordeal, productCommit } from '../kit/ordeal.ts'
import { type PlantedBugs, plantedServer } from '../kit/planted/server.ts'
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
import { productServer } from '../kit/product.ts'

interface Planted {
  readonly write: RawWrite
  readonly bugs?: PlantedBugs
  readonly repeats?: number
}

async function onProduct(t: TestContext): Promise<Violation[]> {
  const clusters = await kitDatabases(t)
  const { connection } = clusters[0]!
  const { proxy, connection: through } = await proxied(t, connection)
  const url = await productServer(t, [{ name: 'c0', connection: through }])
  return ordeal(t, { url, database: proxy, commit: productCommit, connections: [connection] })
}

async function onPlanted(t: TestContext, { write, bugs, repeats }: Planted): Promise<Violation[]> {
  const clusters = await kitDatabases(t)
  const { connection } = clusters[0]!
  const sql = await admin(t, connection)
  await sql.query(RAW_MARKERS)
  // The fence would rightly refuse writes that go around it.
  for (const table of ['registers', 'lists', 'elements', 'counters', 'accounts'])
    await sql.query(`alter table ${table} disable trigger user`)
  const { proxy, connection: through } = await proxied(t, connection)
  const url = await plantedServer(t, connector(through), write, bugs)
  return ordeal(t, {
    url,
    database: proxy,
    commit: saying('commit'),
    connections: [connection],
    ...(repeats !== undefined && { repeats }),
  })
}

const told = (found: readonly Violation[]): string[] =>
  found.map(({ checker, message }) => `${checker}: ${message}`)

/** What is planted, and what at least must be said of it. */
const PLANTED: Record<string, Planted & { found: RegExp[] }> = {
  'blind retry, no marker': {
    write: blindRetry,
    found: [
      /lists: .* is there 2 times/,
      /counters: .* more than once/,
      /transfers: account/,
      /registers:/,
      /replays:/,
    ],
  },
  'Idempotency-Key ignored': {
    write: sound,
    bugs: { ignoresKeys: true },
    found: [
      /lists: .* is there 2 times/,
      /counters: .* more than once/,
      /transfers: account/,
      /registers:/,
      /replays:/,
    ],
  },
  'marker committed before the work': {
    write: markerBefore,
    found: [/lists: .* is lost/, /counters: .* were lost/, /registers:/],
  },
  'marker committed after the work': {
    write: markerAfter,
    found: [/lists: .* is there 2 times/, /counters: .* more than once/, /transfers: account/],
  },
  'answered before COMMIT': {
    write: hastyAnswer,
    repeats: 0, // a repeat would do what was lost
    // One is lost, another doubled: the sums hold, and only the answers on the way tell.
    found: [/lists: .* is lost/, /counters: .* one was lost/, /registers:/, /sessions:/],
  },
  'stale cache': {
    write: sound,
    bugs: { staleCache: true },
    found: [/lists: .* was seen without/, /counters: .* was seen at/, /registers:/, /sessions: .* saw list/],
  },
}

describe('FAULTS case 40: connections are cut on both sides of the server', { concurrency: 2 }, () => {
  test('the product: one effect, one answer', async (t) => {
    assert.deepEqual(told(await onProduct(t)), [])
  })

  test('control: a sound server by hand passes', async (t) => {
    assert.deepEqual(told(await onPlanted(t, { write: sound })), [])
  })

  for (const [name, { found, ...planted }] of Object.entries(PLANTED)) {
    test(`planted bug is caught: ${name}`, async (t) => {
      const all = told(await onPlanted(t, planted))
      for (const expected of found)
        assert.ok(
          all.some((one) => expected.test(one)),
          `${expected} is missing in:\n${all.join('\n')}`,
        )
    })
  }
})
