import assert from 'node:assert/strict'
import { test } from 'node:test'
import pg from 'pg'
import { gate } from './fixtures/gate.ts'
import { job, wired } from './fixtures/wired.ts'

/** Nobody looks after what is left blocked. */
const times = { poll: 10, stop: 100, abort: 100, repair: 3_600_000 }
const STATES =
  'select (s.payload #>> $$ {} $$) as input, s.state from tenfold.job_states s join tenfold.jobs using (id) order by due'

test('one that is cancelled lets the next of its owner go on, wherever it was', async (t) => {
  const work = job<string>('work', async () => {}, { concurrency: 1 })
  const { enqueueHome, jobs, sql } = await wired(t, [work], { times })
  const claim = (id: number, lease = 30_000) => sql<{ payload: string }>(claiming(id, 10, lease))
  const states = async () => (await sql<{ state: string }>(STATES)).map(({ state }) => state)
  const [one, two, three, four, five] = await enqueueHome(work, ['one', 'two', 'three', 'four', 'five'])

  assert.deepEqual(
    (await claim(1)).map(({ payload }) => payload),
    ['one'],
  )
  assert.deepEqual(await states(), ['running', 'blocked', 'blocked', 'blocked', 'blocked'])
  await sql('select tenfold.complete_jobs(array[1], array[$1::uuid], array[0], array[-1])', [one])
  assert.deepEqual(await states(), ['ready', 'blocked', 'blocked', 'blocked'])

  await jobs.handle.cancel(two!)
  assert.deepEqual(await states(), ['ready', 'blocked', 'blocked'], 'ready')

  await claim(2)
  await jobs.handle.cancel(three!)
  await sql('select tenfold.release_jobs(array[2], array[$1::uuid], array[0], array[-1])', [three])
  assert.deepEqual(await states(), ['ready', 'blocked'], 'given back')

  await claim(3, 0)
  await jobs.handle.cancel(four!)
  await sql('select tenfold.tend_jobs(10, null)')
  assert.deepEqual(
    await sql('select id, state from tenfold.job_states'),
    [{ id: five, state: 'ready' }],
    'lost',
  )
})

test('of a claim that parks and a completion at the same time, the later one sees the earlier', async (t) => {
  const work = job<number>('work', async () => {}, { concurrency: 1 })
  const { connections, enqueueHome, sql } = await wired(t, [work], { times })
  const other = new pg.Client(connections[0])
  await other.connect()
  const [one] = await enqueueHome(work, [1])
  await sql(claiming(1, 1))
  await enqueueHome(work, [2])
  await other.query('begin')
  assert.deepEqual((await other.query(claiming(2, 1))).rows, [], 'parked, but not for others to see yet')
  const completed = sql('select tenfold.complete_jobs(array[1], array[$1::uuid], array[0], array[-1])', [one])
  await waitsForLock(sql)
  await other.query('commit')
  await completed
  assert.deepEqual(await sql(STATES), [{ input: '2', state: 'ready' }])

  await enqueueHome(work, [3])
  await other.query('begin')
  assert.equal((await other.query(claiming(3, 1))).rows.length, 1)
  assert.deepEqual(await sql(claiming(4, 1)), [], 'whose turn it is not leaves them')
  await other.query('commit')
  assert.deepEqual(await sql(claiming(5, 1)), [])
  assert.deepEqual(
    (await sql<{ state: string }>(STATES)).map(({ state }) => state),
    ['running', 'blocked'],
  )
  await other.end()
})

test('a dead job that is put in again meets one with its unique key that is just being recorded', async (t) => {
  const work = job<number>(
    'work',
    async () => {
      throw new Error('no')
    },
    { attempts: 1 },
  )
  const { connections, enqueueHome, jobs, sql } = await wired(t, [work], { times })
  await enqueueHome(work, [1], { unique: 'k' })
  await enqueueHome(work, [2])
  await jobs.drain()
  assert.deepEqual(await sql(STATES), [
    { input: '1', state: 'dead' },
    { input: '2', state: 'dead' },
  ])
  const other = new pg.Client(connections[0])
  await other.connect()
  await other.query('begin')
  await other.query(`insert into tenfold.jobs (id, bucket, tag, name, state, due, run_at, attempts_max, owner, unique_key, payload)
    values (gen_random_uuid(), -1, 0, 'work', 1, now(), 'infinity', 1, 'x', 'k', '3')`)
  const retried = jobs.retry('all')
  await waitsForLock(sql)
  await other.query('commit')
  await other.end()
  assert.equal(await retried, 1, 'the one without')
  assert.equal((await jobs.list({ state: 'dead' })).length, 1)
})

test('delayed jobs of a bucket that is not here stand in nobody’s way', async (t) => {
  const ran: unknown[] = []
  const work = job<number>('work', async ({ input }) => void ran.push(input))
  const { enqueueHome, jobs, sql } = await wired(t, [work], { times })
  await sql('update tenfold.buckets set owned = false where bucket = 5')
  await sql(`insert into tenfold.jobs (id, bucket, tag, name, state, due, run_at, attempts_max, owner, payload)
    select gen_random_uuid(), 5, 0, 'work', 1, now(), now() - interval '1 hour', 1, 'x', '0' from generate_series(1, 700)`)
  await enqueueHome(work, [1], { delay: 1 })
  await sql(`update tenfold.jobs set run_at = now() - interval '1 ms' where bucket = -1`)
  const [tended] = await sql<{ next_ms: number | null }>('select next_ms from tenfold.tend_jobs(500, null)')
  assert.deepEqual(await sql('select state from tenfold.job_states where bucket = -1'), [{ state: 'ready' }])
  assert.equal(tended?.next_ms, null, 'none is waited for')
  await jobs.drain()
  assert.deepEqual(ran, [1])
})

test('a report holds no lock on an owner while it waits for another', async (t) => {
  const ends = [gate(), gate()]
  const work = job<number>(
    'work',
    async ({ input }) => {
      await ends[input]
      if (input === 1) throw new Error('no')
    },
    { concurrency: 1 },
  )
  const { connections, enqueueHome, jobs, sql } = await wired(t, [work], { times })
  await enqueueHome(work, [0], { owner: 'a' })
  await enqueueHome(work, [1], { owner: 'b' })
  await jobs.worker.start()
  while ((await sql('select from tenfold.jobs where state = 3')).length < 2);
  const other = new pg.Client(connections[0])
  await other.connect()
  await other.query('begin')
  await other.query(`select pg_advisory_xact_lock(1413893189, hashtext('work b'))`)
  for (const end of ends) end.open()
  await waitsForLock(sql)
  // The other way around it would be a deadlock.
  const { rows } = await other.query(
    `select pg_try_advisory_xact_lock(1413893189, hashtext('work a')) as free`,
  )
  await other.query('rollback')
  await other.end()
  assert.deepEqual(rows, [{ free: true }])
})

test('two that look at once for what is in no place put it into the queue once', async (t) => {
  const work = job<number>('work', async () => {}, { concurrency: 1 })
  const { connections, enqueueHome, sql } = await wired(t, [work], { times })
  const other = new pg.Client(connections[0])
  await other.connect()
  await enqueueHome(work, [1])
  await sql('delete from tenfold.ready')
  await other.query('begin')
  assert.deepEqual((await other.query('select tenfold.repair_jobs(10) as n')).rows, [{ n: 1 }])
  const second = sql('select tenfold.repair_jobs(10) as n')
  await waitsForLock(sql)
  await other.query('commit')
  await other.end()
  assert.deepEqual(await second, [{ n: 0 }])
  assert.deepEqual(await sql('select fence from tenfold.ready'), [{ fence: 1 }])
})

test('a run whose end was refused comes again, also while another of its claim goes on for long', async (t) => {
  const [end, again] = [gate(), gate()]
  const runs: number[] = []
  const work = job<'long' | 'short'>('work', async ({ input, attempt }) => {
    if (input === 'long') return end
    if (runs.push(attempt) > 1) again.open()
  })
  const { enqueueHome, jobs, sql } = await wired(t, [work], { slots: 2, times: { ...times, heartbeat: 20 } })
  await sql('create sequence refusals')
  await sql('alter function tenfold.complete_jobs rename to complete_jobs_indeed')
  await sql(`create function tenfold.complete_jobs(p_claims bigint[], p_ids uuid[], p_fences int[], p_buckets int[]) returns uuid[]
    language plpgsql as $$ begin
      if nextval('refusals') = 1 then return p_ids; end if; -- as of a bucket that is being moved
      return tenfold.complete_jobs_indeed(p_claims, p_ids, p_fences, p_buckets);
    end $$`)
  await enqueueHome(work, ['long', 'short'])
  await jobs.worker.start()
  await again
  const [held] = await sql('select count(*)::int as claims from tenfold.claims where cardinality(jobs) = 2')
  assert.deepEqual(held, { claims: 1 }, 'the long one is still held by the claim of both')
  end.open()
  while ((await sql('select from tenfold.jobs')).length > 0);
  assert.deepEqual(runs, [1, 1])
})

const claiming = (id: number, max: number, leaseMs = 30_000): string =>
  `select * from tenfold.claim_jobs(gen_random_uuid(), ${id}, ${max}, ${leaseMs}, 1000000) where id is not null`

/** Resolves when some statement waits for a lock. */
async function waitsForLock(sql: (text: string) => Promise<unknown[]>): Promise<void> {
  const waiting = `select from pg_locks join pg_stat_activity using (pid) where not granted and datname = current_database()`
  while ((await sql(waiting)).length === 0);
}
