import assert from 'node:assert/strict'
import { test } from 'node:test'
import pg from 'pg'
import type { Rider } from '../../core/rider.ts'
import { fixture, newRequestId } from './fixtures/fixture.ts'

/** A rider that notes what it is told. */
function rider(told: string[], sql: string, params: readonly unknown[] = []): Rider {
  return {
    statements: () => [{ sql, params }],
    sending: () => told.push('sending'),
    committed: (position) => told.push(position ? 'committed' : 'committed somewhere'),
    rolledBack: () => told.push('rolled back'),
    unknown: () => told.push('unknown'),
  }
}

const INSERT = 'insert into accounts values ($1, $2)'

for (const doubleRun of [false, true]) {
  test(`what rides along commits with its transaction or not at all (double run: ${doubleRun})`, async (t) => {
    const { client } = await fixture(t, { doubleRun })
    const told: string[] = []
    await client.writeHome('commits', async (tx) => {
      tx.ride(rider(told, INSERT, [1, 10]))
      await tx.query(INSERT, [2, 20])
    })
    assert.deepEqual(told, ['sending', 'committed'])
    const failing = client.writeHome('fails', async (tx) => {
      tx.ride(rider(told, INSERT, [3, 30]))
      throw new Error('no')
    })
    await assert.rejects(failing, { message: 'no' })
    assert.deepEqual(told, ['sending', 'committed'], 'a run that ends before COMMIT tells its riders nothing')
    const refused = client.writeHome('refused', async (tx) => tx.ride(rider(told, INSERT, [1, 0])))
    await assert.rejects(refused, { code: '23505' })
    assert.deepEqual(told.slice(2), ['sending', 'rolled back'])
    const rows = await client.readHome((db) => db.query('select id, balance from accounts order by id'))
    assert.deepEqual(rows, [
      { id: 1, balance: 10 },
      { id: 2, balance: 20 },
    ])
  })
}

test('a run that is lost before its COMMIT is told so once the next one has the marker', async (t) => {
  const { client } = await fixture(t)
  const told: string[] = []
  let runs = 0
  await client.writeHome('lost', async (tx) => {
    const dies = 'select pg_terminate_backend(pg_backend_pid())'
    if (++runs === 1) tx.ride(rider(told, dies))
    else tx.ride(rider(told, INSERT, [1, 10]))
  })
  assert.deepEqual(told, ['sending', 'rolled back', 'sending', 'committed'])
})

test('a replay finds what the write before it has left', async (t) => {
  const { client, another, asRequest } = await fixture(t)
  const id = newRequestId()
  const left = 'insert into tenfold.effects values ($1, 0, 0, $2)'
  await asRequest(id, () =>
    client.writeHome('once', async (tx) => tx.ride(rider([], left, [tx.id, '{"purge":[]}']))),
  )
  const found: unknown[] = []
  const other = await another({
    replayHook: {
      sql: 'select effects from tenfold.effects where marker = $1',
      replayed: (cluster, _marker, rows, position) => found.push(cluster, rows, position?.timeline),
    },
  })
  await asRequest(id, async (context) => {
    await other.writeHome('once', () => assert.fail('It had committed'))
    assert.equal(context.wrote?.get('c0')?.timeline, 1, 'a replay counts as seen')
  })
  assert.deepEqual(found, ['c0', [{ effects: { purge: [] } }], 1])
})

test('a read from beyond a commit has seen it, in the lane and outside', async (t) => {
  const { client, connections, asRequest } = await fixture(t)
  await client.writeHome('open', (tx) => tx.query(INSERT, [1, 0]))
  /** By value: where the log stood once the commit of this value was acknowledged. */
  const positions: bigint[] = [0n]
  const noise = new pg.Client(connections[0])
  await noise.connect()
  let over = false
  const reader = async (sql: string): Promise<number> => {
    let judged = 0
    while (!over) {
      const span: { from?: bigint; upto?: bigint; torn?: boolean } = {}
      const [row] = await client.readHome((db) => db.query<{ balance: number }>(sql), { span })
      const { from, upto } = span
      assert.ok(from !== undefined && upto !== undefined && from <= upto && !span.torn)
      for (let value = row!.balance + 1; value < positions.length; value++)
        assert.ok(
          positions[value]! >= from,
          `saw ${row!.balance} from ${from}, ${value} was at ${positions[value]}`,
        )
      judged++
    }
    return judged
  }
  const point = 'select balance from accounts where id = 1'
  const readers = [1, 2, 3, 4]
    .map(() => reader(point))
    .concat(reader(`${point} and set_config('x.y', 'z', true) = 'z'`))
  for (let value = 1; value <= 200; value++) {
    await asRequest(newRequestId(), async ({ wrote }) => {
      await client.writeHome('step', (tx) => tx.query('update accounts set balance = $1', [value]))
      positions[value] = wrote!.get('c0')!.lsn
    })
    if (value % 10 === 0) await noise.query("select pg_logical_emit_message(true, 'x', '')")
  }
  over = true
  for (const judged of await Promise.all(readers)) assert.ok(judged > 20)
  await noise.end()
})

test('a rider that cannot say its statements fails its write, and leaves nothing behind in the session', async (t) => {
  const { client } = await fixture(t)
  const told: string[] = []
  const broken: Rider = {
    ...rider(told, ''),
    statements: () => {
      throw new RangeError('Invalid string length')
    },
  }
  const failing = client.writeHome('fails', async (tx) => {
    await tx.query(INSERT, [1, 10])
    tx.ride(broken)
  })
  await assert.rejects(failing, { message: 'Invalid string length' })
  assert.deepEqual(told, [])
  // It gets the same session: a transaction left open there would be committed with this one.
  await client.writeHome('commits', (tx) => tx.query(INSERT, [2, 20]))
  const rows = await client.readHome((db) => db.query('select id from accounts order by id'))
  assert.deepEqual(rows, [{ id: 2 }])
})
