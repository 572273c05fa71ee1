import assert from 'node:assert/strict'
import { test } from 'node:test'
import pg from 'pg'
import { job, wired } from './fixtures/wired.ts'

const JOBS = 4_000
const CLAIM =
  'select * from tenfold.claim_jobs(gen_random_uuid(), (random() * 1e15)::bigint, 10, 30000, 1000000'
const READ = `select sum(idx_tup_read)::int as read from pg_stat_user_indexes
  where indexrelname in ('ready_order', 'ready_since')`

for (const clusters of [1, 2])
  test(`under an old snapshot a claim passes few dead entries, whatever was claimed since (FAULTS case 31), on ${clusters}`, async (t) => {
    let ran = 0
    const work = job<null>('work', async () => void ran++)
    const { userOn, enqueueFor, jobs, connections } = await wired(t, [work], { clusters })
    const user = userOn(clusters - 1)
    const [holder, asking] = [new pg.Client(connections.at(-1)), new pg.Client(connections.at(-1))]
    await holder.connect()
    await asking.connect()
    try {
      await holder.query('begin isolation level repeatable read')
      await holder.query('select 1')
      for (let done = 0; done < JOBS; done += 500)
        await enqueueFor(user, work, Array(500).fill(null), { owner: `owner ${done}` })
      await jobs.drain()
      assert.equal(ran, JOBS)

      /** Index entries that a claim reads. */
      const reads = async (how: string): Promise<number> => {
        const read = async (): Promise<number> => {
          await asking.query('select pg_stat_force_next_flush()')
          return Number((await asking.query(READ)).rows[0].read)
        }
        const before = await read()
        await asking.query(CLAIM + how)
        return (await read()) - before
      }
      assert.ok((await reads(')')) >= JOBS, 'from the beginning it reads all of them')
      await enqueueFor(user, work, [null, null])
      const few = await reads(', 1)')
      assert.ok(few <= 2, `${few} entries, of what became ready in the last millisecond`)

      // And the worker's own claims find what comes.
      const before = ran
      await jobs.worker.start()
      await enqueueFor(user, work, Array(20).fill(null))
      await jobs.drain()
      assert.ok(ran >= before + 20)
    } finally {
      await Promise.all([holder.end(), asking.end()])
    }
  })

test('a claim goes on from where the last one ended, and meets what came before that place since', async (t) => {
  const work = job<number>('work', async () => {})
  const { enqueueHome, sql } = await wired(t, [work])
  const claim = async (max: number, more = ''): Promise<{ took: unknown[]; last: string; rank: number }> => {
    const rows = await sql(
      `select * from tenfold.claim_jobs(gen_random_uuid(), (random() * 1e15)::bigint, ${max}, 30000, 1000000${more})`,
    )
    const end = rows.pop() as { seen: string; bucket: number }
    return { took: rows.map(({ payload }) => payload), last: end.seen, rank: end.bucket }
  }
  await enqueueHome(work, [1, 2, 3, 4, 5, 6])
  const first = await claim(2)
  assert.deepEqual(first.took, [1, 2])
  await enqueueHome(work, [10], { owner: 'another' })
  await enqueueHome(work, [20], { owner: 'urgent', priority: 9 })
  const second = await claim(4, `, 60000, ${first.rank}, '${first.last}'`)
  assert.deepEqual(second.took, [20, 10, 3, 4], 'by priority, then who is due; then on from there')
  const third = await claim(4, `, 60000, ${second.rank}, '${second.last}'`)
  assert.deepEqual(third.took, [5, 6])
  await enqueueHome(work, [7])
  assert.deepEqual((await claim(4, ', 60000')).took, [7], 'nothing was left but what came since')
})

test('jobs that are due at the same moment are all met, also long after they became ready', async (t) => {
  const work = job<number>('work', async () => {})
  const { enqueueHome, sql } = await wired(t, [work])
  await enqueueHome(work, [1, 2, 3, 4, 5])
  await sql(`update tenfold.ready set due = now(), since = now() - interval '1 hour'`)
  const took: unknown[] = []
  let from = ''
  for (const _ of [1, 2, 3]) {
    const rows = await sql(
      `select * from tenfold.claim_jobs(gen_random_uuid(), (random() * 1e15)::bigint, 2, 30000, 1000000${from})`,
    )
    const { seen, bucket } = rows.pop() as { seen: string; bucket: number }
    from = `, 10, ${bucket}, '${seen}'`
    took.push(...rows.map(({ payload }) => payload))
  }
  assert.deepEqual(took.sort(), [1, 2, 3, 4, 5])
})
