import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { detachedContext } from '../../core/context.ts'
import { silentLogger } from '../../core/log.ts'
import type { Rider } from '../../core/rider.ts'
import { Connection } from '../connection/connection.ts'
import { fixture, newRequestId } from './fixtures/fixture.ts'
import type { TxHandle } from './transaction.ts'

type Work = (tx: TxHandle<unknown>) => Promise<unknown>

const INSERT = 'insert into accounts values ($1, $2)'
const add =
  (id: number): Work =>
  (tx) =>
    tx.query(INSERT, [id, 10])

const and =
  <R>(work: Work, then: () => R) =>
  async (tx: TxHandle<unknown>): Promise<Awaited<R>> => {
    await work(tx)
    return await then()
  }

/** A client, and writes under a request id that is said to be fresh, whether or not it is. */
async function freshly(t: TestContext) {
  const { client, storage, connections, asRequest } = await fixture(t)
  const write = (id: string, work: Work, deadlineMs?: number) =>
    storage.run(detachedContext(id, silentLogger, true), () => client.writeHome('add', work, { deadlineMs }))
  const ids = async () =>
    (await client.readHome((db) => db.query<{ id: number }>('select id from accounts order by id'))).map(
      ({ id }) => id,
    )
  return { client, connections, asRequest, write, ids }
}

/** Round trips while `run` runs. */
async function trips(t: TestContext, run: () => Promise<unknown>): Promise<number> {
  const spy = t.mock.method(Connection.prototype, 'run')
  await run()
  const { length } = spy.mock.calls
  spy.mock.restore()
  return length
}

test('a write under a fresh id takes a round trip less than one that may have committed', async (t) => {
  const { client, asRequest, write } = await freshly(t)
  const known = () => asRequest(newRequestId(), () => client.writeHome('add', add(1)))
  assert.equal(await trips(t, known), 3)
  assert.equal(await trips(t, () => write(newRequestId(), add(2))), 2)
  const both: Work = async (tx) => {
    await add(3)(tx)
    await add(4)(tx)
  }
  assert.equal(await trips(t, () => write(newRequestId(), both)), 3)
  assert.equal(await trips(t, () => write(newRequestId(), async () => 1)), 2, 'without a statement')
  assert.equal(
    await trips(t, () =>
      assert.rejects(
        write(newRequestId(), () => Promise.reject(new Error('no'))),
        /no/,
      ),
    ),
    0,
    'nothing is sent for work that fails before its first statement',
  )
})

const rider = (told: string[]): Rider => ({
  statements: () => [{ sql: INSERT, params: [99, 0] }],
  sending: () => told.push('sending'),
  committed: () => told.push('committed'),
  rolledBack: () => told.push('rolled back'),
  unknown: () => told.push('unknown'),
})

const told: string[] = []
let beyond = 0
const AGAIN: readonly [name: string, work: Work][] = [
  ['runs into its own rows', add(1)],
  ['would add more', add(2)],
  ['swallows the refusal', (tx) => add(2)(tx).catch(() => 'swallowed')],
  ['waits for ever when it is refused', (tx) => add(2)(tx).catch(() => new Promise(() => {}))],
  ['would do more', and(add(2), () => beyond++)],
  ['sends two at once', (tx) => Promise.allSettled([add(2)(tx), add(3)(tx)])],
  ['speaks through the client', async (tx) => void (await tx.client.query(INSERT, [2, 10]))],
  ['only takes something along', async (tx) => tx.ride(rider(told))],
  [
    'takes something along with a statement',
    (tx) =>
      and(
        async () => tx.ride(rider(told)),
        () => add(2)(tx),
      )(tx),
  ],
  ['sends nothing', async () => 'another result'],
  ['cannot be encoded', (tx) => tx.query(INSERT, [2, Symbol('no')])],
]
for (const [name, work] of AGAIN) {
  test(`work that ${name} leaves nothing and gets the stored result when its id was not fresh`, async (t) => {
    const { write, ids } = await freshly(t)
    const id = newRequestId()
    assert.equal(
      await write(
        id,
        and(add(1), () => 'stored'),
      ),
      'stored',
    )
    assert.equal(await write(id, work), 'stored')
    assert.equal(await write(id, work), 'stored', 'nor is the result overwritten')
    assert.deepEqual(await ids(), [1])
    assert.deepEqual(told, [])
    assert.equal(beyond, 0, 'work is abandoned at its first statement')
  })
}

test('what a rider says and that it is sent are one turn, however late the fence is answered', async (t) => {
  const { write } = await freshly(t)
  const order: string[] = []
  const rides: Rider = {
    ...rider(order),
    statements: () => {
      setImmediate(() => order.push('a turn'))
      return []
    },
  }
  await write(newRequestId(), async (tx) => tx.ride(rides))
  assert.equal(order[0], 'sending')
})

test('ten runs at once under an id that each takes for fresh are one', async (t) => {
  const { write, ids } = await freshly(t)
  const id = newRequestId()
  let runs = 0
  const results = await Promise.all(
    Array.from({ length: 10 }, () =>
      write(
        id,
        and(add(1), () => ++runs),
      ),
    ),
  )
  assert.deepEqual(new Set(results), new Set([1]))
  assert.deepEqual(await ids(), [1])
})

test('a fence that blocks until the deadline means: not applied, whatever work waits for', async (t) => {
  const { client, connections, write, ids } = await freshly(t)
  const holder = await Connection.open(connections[0]!, {})
  t.after(() => holder.close())
  const hold = await holder.raw.query('begin; lock table tenfold.markers in access exclusive mode')
  assert.ok(hold)
  await assert.rejects(
    write(newRequestId(), (tx) => add(1)(tx), 300),
    { code: 'TENFOLD_DATA_UNAVAILABLE', message: /not applied/ },
  )
  await holder.raw.query('rollback')
  assert.deepEqual(await ids(), [])
  await client.writeHome('after', add(2))
})
