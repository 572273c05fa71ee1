import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gate } from './fixtures/gate.ts'
import { job, type Tx, wired } from './fixtures/wired.ts'

const ADD = 'insert into accounts values ($1, $2)'
const times = { lease: 30_000, heartbeat: 20, poll: 10, stop: 100, abort: 100 }

/** Makes every lease run out, as if its worker had been silent for that long. */
const EXPIRE = 'update tenfold.claims set lease_until = now()'

/** Another worker holds it now, in its second attempt. */
const TAKE = `with taken as (update tenfold.jobs set attempt = 1, fence = fence + 1 returning id, fence),
  gone as (delete from tenfold.claims)
  insert into tenfold.claims select 1, gen_random_uuid(), now() + interval '1 hour', array_agg(id), array_agg(fence) from taken`

for (const clusters of [1, 2]) {
  test(`a worker that slept past its lease ends nothing (FAULTS case 28), on ${clusters}`, async (t) => {
    const [running, wake, finished] = [gate(), gate(), gate<unknown>()]
    const late = job<null>(
      'late',
      async (run) => {
        if (run.attempt === 1) {
          running.open()
          await wake
        }
        // Under one name for all runs it would simply meet what the second has written.
        const written = run.write(`effect ${run.attempt}`, (tx) => tx.query(ADD, [run.attempt, 1]))
        if (run.attempt === 1) finished.open(await written.catch((error: unknown) => error))
        await written
      },
      { backoff: [0, 0] },
    )
    // The first worker sends no heartbeat while it sleeps; nor does this one.
    const { enqueueHome, jobs, another, sql, client, logged } = await wired(t, [late], {
      clusters,
      times: { ...times, heartbeat: 60_000 },
    })
    await enqueueHome(late, [null])
    const first = jobs.drain()
    await running
    await sql(EXPIRE)
    const second = await another({ times })
    await second.drain()
    assert.deepEqual(await sql('select id from tenfold.jobs'), [], 'the second worker has done it')
    wake.open()
    assert.equal(((await finished) as { code: string }).code, 'TENFOLD_JOB_LEASE_LOST')
    await first
    const accounts = await client.readHome((db) => db.query('select id from accounts'))
    assert.deepEqual(accounts, [{ id: 2 }])
    assert.ok(logged.some(({ fields }) => fields.code === 'TENFOLD_JOB_LEASE_LOST'))
  })
}

test('a completion that comes late is refused, and said so', async (t) => {
  const [running, wake] = [gate(), gate()]
  const late = job<null>('late', async ({ attempt }) => {
    if (attempt > 1) return
    running.open()
    await wake
  })
  const { enqueueHome, jobs, sql, logged } = await wired(t, [late], {
    times: { ...times, heartbeat: 60_000 },
  })
  const [id] = await enqueueHome(late, [null])
  const drained = jobs.drain()
  await running
  await sql(TAKE)
  wake.open()
  await until(() => logged.some(({ message }) => message.startsWith('runs ended late')))
  assert.equal((await jobs.handle.get(id!))?.state, 'running')
  await sql('delete from tenfold.jobs')
  await drained
})

test('the same with completion without fence: the test would notice', async (t) => {
  const [running, wake] = [gate(), gate()]
  const late = job<null>('late', async ({ attempt }) => {
    if (attempt > 1) return
    running.open()
    await wake
  })
  const { enqueueHome, jobs, sql } = await wired(t, [late], { times: { ...times, heartbeat: 60_000 } })
  await sql(`create or replace function tenfold.complete_jobs(p_claims bigint[], p_ids uuid[], p_fences int[], p_buckets int[])
    returns uuid[] language plpgsql as $$ begin delete from tenfold.jobs where id = any (p_ids); return '{}'; end $$`)
  const [id] = await enqueueHome(late, [null])
  const drained = jobs.drain()
  await running
  await sql(TAKE)
  wake.open()
  await drained
  assert.equal(await jobs.handle.get(id!), null, 'planted: the run of the other worker is gone')
})

test('heartbeats keep a long run, and tell when it is lost', async (t) => {
  const [running, aborted] = [gate(), gate<unknown>()]
  const long = job<null>('long', async ({ attempt, signal }) => {
    if (attempt > 1) return
    running.open()
    await new Promise<void>((resolve) =>
      signal.addEventListener('abort', () => {
        aborted.open(signal.reason)
        resolve()
      }),
    )
  })
  const { enqueueHome, jobs, sql } = await wired(t, [long], { times })
  await enqueueHome(long, [null])
  const drained = jobs.drain()
  await running
  const [{ at: before }] = (await sql('select lease_until as at from tenfold.claims')) as [{ at: Date }]
  await until(async () => {
    const [row] = await sql<{ at: Date }>('select lease_until as at from tenfold.claims')
    return row !== undefined && row.at > before
  })
  await sql('update tenfold.jobs set fence = fence + 1')
  assert.equal(((await aborted) as { code: string }).code, 'TENFOLD_JOB_LEASE_LOST')
  await sql('delete from tenfold.jobs')
  await drained
})

test('a job that ends its worker again and again is put aside, and takes no other with it (FAULTS case 29)', async (t) => {
  const beside: string[] = []
  const ran: string[] = []
  let running = 0
  const work = job<{ name: string }>(
    'work',
    async ({ input, attempt }) => {
      running++
      if (attempt > 1 && running > 1) beside.push(input.name)
      await new Promise((resolve) => setImmediate(resolve))
      ran.push(input.name)
      running--
    },
    { attempts: 3 },
  )
  const { enqueueHome, jobs, sql } = await wired(t, [work], { times })
  await enqueueHome(work, [{ name: 'a' }, { name: 'b' }, { name: 'poison' }, { name: 'c' }])
  // Its worker died with all four claimed; later with the poison alone, twice more.
  await sql(`select * from tenfold.claim_jobs(gen_random_uuid(), 7, 10, 0, 1000000)`)
  await sql(`update tenfold.jobs set attempt = 2 where payload ->> 'name' = 'poison'`)
  await jobs.drain()
  assert.deepEqual(ran.sort(), ['a', 'b', 'c'], 'the innocent have run')
  assert.deepEqual(beside, [], 'each of them alone: any might have been the poison')
  const [dead] = await jobs.list({ state: 'dead' })
  assert.deepEqual(dead?.input, { name: 'poison' })
  assert.match(dead?.error ?? '', /worker vanished during attempt 3 of 3/)
})

test('a sole worker takes back at once what a former one held', async (t) => {
  const ran: number[] = []
  const work = job<null>('work', async ({ attempt }) => void ran.push(attempt))
  const { enqueueHome, jobs, sql } = await wired(t, [work], { times, soleWorker: true })
  const [id] = await enqueueHome(work, [null])
  await sql(`select * from tenfold.claim_jobs(gen_random_uuid(), 7, 10, 3600000, 1000000)`)
  assert.equal((await jobs.handle.get(id!))?.state, 'running')
  await jobs.drain()
  assert.deepEqual(ran, [2])
})

test('what runs in a job is written once, however often the job runs', async (t) => {
  const work = job<null>(
    'work',
    async (run, { client }) => {
      await client.writeAt(client.target('user', 77), 'elsewhere', (tx: Tx) =>
        tx.query(
          "insert into users values (77, 'x') on conflict (id) do update set visits = users.visits + 1",
        ),
      )
      if (run.attempt === 1) throw new Error('after the write')
      await run.write('here', (tx) => tx.query(ADD, [1, 1]))
    },
    { backoff: [0, 0] },
  )
  const { enqueueHome, jobs, client } = await wired(t, [work], { clusters: 2, times })
  const [id] = await enqueueHome(work, [null])
  while (await jobs.handle.get(id!)) await jobs.drain()
  const [row] = await client.readAt(client.target('user', 77).placement, (db) =>
    db.query<{ visits: number }>('select visits from users where id = 77'),
  )
  assert.equal(row?.visits, 0)
})

/** Asks again and again; the test's own timeout ends a wait for what never comes. */
async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setImmediate(resolve))
}
