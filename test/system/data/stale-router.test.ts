import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import type pg from 'pg'
import { admin, type KitClient, kitClient, kitDatabases, newRequestId } from '../kit/databases.ts'
import { within } from '../kit/deadline.ts'
import { LONG } from '../kit/seed.ts'

/** The key whose bucket moves. */
const KEY = 7
const LOCK = 1413893188

/** Two clusters, a client that knows where the bucket was, and the steps of a move by hand (DESIGN.md 5.6). */
async function bench(
  t: TestContext,
): Promise<{ kit: KitClient; sql: pg.Client[]; bucket: number; from: number }> {
  const clusters = await kitDatabases(t, { clusters: 2 })
  const kit = await kitClient(clusters)
  t.after(() => kit.client.stop())
  const sql = await Promise.all(clusters.map(({ connection }) => admin(t, connection)))
  const { bucket } = kit.client.target('item', KEY).placement
  return { kit, sql, bucket, from: bucket < 2048 ? 0 : 1 }
}

async function closeSource(sql: pg.Client, bucket: number): Promise<void> {
  await sql.query('begin')
  await sql.query('select pg_advisory_xact_lock($1, $2)', [LOCK, bucket])
  await sql.query('update tenfold.buckets set owned = false, epoch = epoch + 1 where bucket = $1', [bucket])
  await sql.query('commit')
}

async function openTarget(home: pg.Client, sql: pg.Client, bucket: number, to: number): Promise<void> {
  await home.query('begin')
  await home.query('update tenfold.directory set cluster = $2, epoch = epoch + 1 where bucket = $1', [
    bucket,
    `c${to}`,
  ])
  await home.query('update tenfold.directory_epoch set epoch = epoch + 1')
  const { rows } = await home.query<{ epoch: string }>(
    'select epoch from tenfold.directory where bucket = $1',
    [bucket],
  )
  await home.query('commit')
  const text = `insert into tenfold.buckets (bucket, owned, epoch) values ($1, true, $2)
    on conflict (bucket) do update set owned = true, epoch = excluded.epoch`
  await sql.query(text, [bucket, rows[0]!.epoch])
}

const write = ({ client, asRequest }: KitClient, place: number, deadlineMs = 10_000): Promise<number> =>
  asRequest(newRequestId(), () =>
    client.writeAt(
      client.target('item', KEY),
      'append',
      async (tx) => {
        await tx.query('insert into elements values ($1, $2, $3)', [KEY, place, `p${place}`])
        return place
      },
      { deadlineMs },
    ),
  )

/** The rows and the markers of each cluster. */
const held = (sql: readonly pg.Client[]): Promise<{ places: number[]; markers: number }[]> =>
  Promise.all(
    sql.map(async (one) => {
      const elements = await one.query<{ place: number }>('select place from elements order by place')
      const markers = await one.query("select id from tenfold.markers where name = 'append'")
      return { places: elements.rows.map(({ place }) => place), markers: markers.rows.length }
    }),
  )

describe('FAULTS case 33: a router with an old directory writes to a bucket that has moved', () => {
  test('after the move: refused, refreshed, run again at the new place and nowhere else', async (t) => {
    const { kit, sql, bucket, from } = await bench(t)
    await write(kit, 1)
    await closeSource(sql[from]!, bucket)
    await openTarget(sql[0]!, sql[1 - from]!, bucket, 1 - from)
    assert.equal(await write(kit, 2), 2)
    const [source, target] = [(await held(sql))[from], (await held(sql))[1 - from]]
    assert.deepEqual(
      [source, target],
      [
        { places: [1], markers: 1 },
        { places: [2], markers: 1 },
      ],
    )
  })

  test('during the move: waits until the target is open', async (t) => {
    const { kit, sql, bucket, from } = await bench(t)
    await closeSource(sql[from]!, bucket)
    const writes = Promise.all(Array.from({ length: 8 }, (_, at) => write(kit, at)))
    await openTarget(sql[0]!, sql[1 - from]!, bucket, 1 - from)
    await within(writes, 'the writes')
    const all = await held(sql)
    assert.deepEqual(all[from], { places: [], markers: 0 })
    assert.deepEqual(all[1 - from], { places: [0, 1, 2, 3, 4, 5, 6, 7], markers: 8 })
  })

  test('a move that never ends: a typed error that says that nothing was applied', async (t) => {
    const { kit, sql, bucket, from } = await bench(t)
    await closeSource(sql[from]!, bucket)
    // Which of the two depends on what the deadline meets: a refusal, or an attempt under way, whose session it cuts.
    const typed = { code: /^TENFOLD_(STALE_ROUTER|DATA_UNAVAILABLE)$/, message: /not applied/ }
    await assert.rejects(write(kit, 1, 300), typed)
    assert.deepEqual(await held(sql), [
      { places: [], markers: 0 },
      { places: [], markers: 0 },
    ])
  })

  test('a bucket that moves to and fro under load: each write once, on one cluster', async (t) => {
    const { kit, sql, bucket, from } = await bench(t)
    let [next, moving] = [0, true]
    const acknowledged: number[] = []
    const writer = async (): Promise<void> => {
      while (moving) {
        next += 1
        acknowledged.push(await write(kit, next))
      }
    }
    const writers = Promise.all(Array.from({ length: 6 }, writer))
    let at = from
    for (let moves = 0; moves < (LONG ? 300 : 20); moves++) {
      const goal = acknowledged.length + 3
      await closeSource(sql[at]!, bucket)
      await openTarget(sql[0]!, sql[1 - at]!, bucket, 1 - at)
      at = 1 - at
      while (acknowledged.length < goal)
        await within(
          write(kit, -goal - moves * 1e6).catch(() => {}),
          'a write',
        )
    }
    moving = false
    await within(writers, 'the writers')
    const all = (await held(sql)).flatMap(({ places }) => places).filter((place) => place > 0)
    assert.deepEqual(
      all.toSorted((a, b) => a - b),
      acknowledged.toSorted((a, b) => a - b),
    )
  })
})
