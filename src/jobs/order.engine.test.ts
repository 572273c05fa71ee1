import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gate } from './fixtures/gate.ts'
import { type Handed, job, wired } from './fixtures/wired.ts'

const times = { poll: 10, stop: 100, abort: 100, repair: 20 }

/** Notes its input. */
function noting(name: string, ran: unknown[], options: Parameters<typeof job>[2] = {}) {
  return job<unknown>(name, async ({ input }) => void ran.push(input), options)
}

test('higher priority goes first, then who came first', async (t) => {
  const ran: unknown[] = []
  const work = noting('work', ran)
  const { enqueueHome, jobs } = await wired(t, [work], { slots: 1, times })
  for (const [input, priority] of [
    ['b', 0],
    ['d', -5],
    ['a', 100],
    ['c', 0],
  ] as const)
    await enqueueHome(work, [input], { priority, owner: input })
  await jobs.drain()
  assert.deepEqual(ran, ['a', 'b', 'c', 'd'])
  await assert.rejects(enqueueHome(work, ['x'], { priority: 101 }), { code: 'TENFOLD_JOB_INPUT_INVALID' })
})

test('a flood of one owner is spread: the next of another owner goes before it (FAULTS case 30)', async (t) => {
  const ran: unknown[] = []
  const work = noting('work', ran)
  const { enqueueHome, jobs } = await wired(t, [work], { slots: 1, times })
  const flood = Array.from({ length: 500 }, (_, n) => n)
  for (let part = 0; part < 20; part++) await enqueueHome(work, flood, { owner: 'flood' })
  await enqueueHome(work, ['one'], { owner: 'one' })
  await enqueueHome(work, ['two', 'three'], { owner: 'two' })
  await jobs.drain()
  assert.equal(ran.length, 10_003)
  // Behind one job of the flood for each second that the flood took to be recorded, and the batch that is at hand.
  for (const input of ['one', 'two', 'three'])
    assert.ok(ran.indexOf(input) < 600, `${input}: ${ran.indexOf(input)}`)
})

test('jobs of one transaction keep their order for their owner', async (t) => {
  const ran: unknown[] = []
  const work = noting('work', ran)
  const { enqueueFor, jobs } = await wired(t, [work], { slots: 1, times })
  await enqueueFor(1, work, [1, 2, 3])
  await enqueueFor(1, work, [4])
  await enqueueFor(1, work, [5, 6])
  await jobs.drain()
  assert.deepEqual(ran, [1, 2, 3, 4, 5, 6])
})

test('while a unique key waits or runs, no second job is added; after a dead one it is', async (t) => {
  const [running, go] = [gate(), gate()]
  const work = job<number>(
    'work',
    async () => {
      running.open()
      await go
      throw new Error('no')
    },
    { attempts: 1 },
  )
  const { enqueueFor, jobs, sql } = await wired(t, [work], { times })
  const [first] = await enqueueFor(1, work, [1], { unique: 'k' })
  await enqueueFor(1, work, [2], { unique: 'k' })
  await enqueueFor(2, work, [3], { unique: 'k' })
  assert.equal((await sql('select 1 from tenfold.jobs')).length, 2, 'within its shard')
  await sql('delete from tenfold.jobs where id <> $1', [first])
  const drained = jobs.drain()
  await running
  await enqueueFor(1, work, [4], { unique: 'k' })
  go.open()
  await drained
  assert.deepEqual(await sql('select state from tenfold.jobs'), [{ state: 4 }])
  await enqueueFor(1, work, [5], { unique: 'k' })
  assert.equal((await sql('select 1 from tenfold.jobs')).length, 2)
  await assert.rejects(jobs.retry(first!), { code: 'TENFOLD_JOB_MISSING', message: /unique key/ })
})

test('outside of a transaction a job is recorded once a request, and by its unique key', async (t) => {
  const ran: unknown[] = []
  const work = noting('work', ran)
  const { jobs, asRequest, sql } = await wired(t, [work], { clusters: 2, times })
  const id = '018f4f6e-0000-7abc-8def-0123456789ab'
  const both = () =>
    asRequest(id, async () => [await jobs.handle.enqueue(work, 1), await jobs.handle.enqueue(work, 2)])
  const ids = await both()
  await jobs.drain()
  assert.deepEqual(await both(), ids, 'the replay of a request')
  await jobs.drain()
  assert.deepEqual(ran, [1, 2])
  const one = await jobs.handle.enqueue(work, 3, { unique: 'u' })
  assert.equal(await jobs.handle.enqueue(work, 4, { unique: 'u' }), one)
  await jobs.drain()
  assert.deepEqual(ran, [1, 2, 3])
  assert.deepEqual(await sql('select 1 from tenfold.jobs'), [])
})

for (const clusters of [1, 2])
  test(`no more run at once for one owner than the job allows, and none stays blocked, on ${clusters}`, async (t) => {
    const now = new Map<string, number>()
    let most = 0
    const ran: unknown[] = []
    const work = job<{ owner: string; n: number }>(
      'work',
      async ({ input }) => {
        const count = (now.get(input.owner) ?? 0) + 1
        now.set(input.owner, count)
        most = Math.max(most, count)
        for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve))
        now.set(input.owner, (now.get(input.owner) ?? 0) - 1)
        ran.push(input)
        if (input.n % 7 === 0) throw new Error('some fail')
      },
      { concurrency: 2, attempts: 1 },
    )
    const { enqueueHome, jobs, another } = await wired(t, [work], { clusters, slots: 8, times })
    const second = await another({ slots: 8, times })
    for (const owner of ['a', 'b', 'c'])
      await enqueueHome(
        work,
        Array.from({ length: 40 }, (_, n) => ({ owner, n })),
        { owner },
      )
    await Promise.all([jobs.drain(), second.drain()])
    assert.equal(ran.length, 120)
    assert.ok(most <= 2, `${most} at once`)
    assert.equal((await jobs.list({ state: 'blocked' })).length, 0)
  })

test('a blocked job that nobody released is found', async (t) => {
  const ran: unknown[] = []
  const work = noting('work', ran, { concurrency: 1 })
  const { enqueueHome, jobs, sql } = await wired(t, [work], { times })
  await enqueueHome(work, [1, 2, 3])
  await sql('delete from tenfold.ready')
  await sql('update tenfold.jobs set state = 2')
  await jobs.drain()
  assert.deepEqual(ran, [1, 2, 3])
})

test('a blocked job that nobody released is found behind many that wait for good reason', async (t) => {
  const { sql } = await wired(t, [])
  const put = (state: number, owners: string) =>
    sql(
      `insert into tenfold.jobs (id, bucket, tag, name, state, due, run_at, attempts_max, concurrency, owner, payload)
      select gen_random_uuid(), -1, 0, 'limited', ${state}, now(), now(), 1, 1, owner, 'null' from unnest($1::text[]) owner`,
      [owners.split(' ')],
    )
  const busy = Array.from({ length: 600 }, (_, at) => `busy${at}`).join(' ')
  await put(3, busy)
  await put(2, `aaa ${busy} zzz`)
  assert.deepEqual(await sql('select tenfold.repair_jobs(500) as released'), [{ released: 2 }])
  assert.deepEqual(await sql('select owner from tenfold.jobs where state = 0 order by owner'), [
    { owner: 'aaa' },
    { owner: 'zzz' },
  ])
})

test('a job waits for its time', async (t) => {
  const ran: unknown[] = []
  const work = noting('work', ran)
  const { enqueueHome, jobs, sql } = await wired(t, [work], { slots: 1, times })
  await enqueueHome(work, ['late'], { delay: '1h' })
  await enqueueHome(work, ['later'], { runAt: new Date(Date.now() + 2 * 3_600_000) })
  await enqueueHome(work, ['past'], { runAt: new Date(0) })
  await jobs.drain()
  assert.deepEqual(ran, ['past'])
  await sql("update tenfold.jobs set run_at = run_at - interval '1 hour'")
  await jobs.drain()
  assert.deepEqual(ran, ['past', 'late'])
  await assert.rejects(enqueueHome(work, ['x'], { delay: 'soon' as never }), {
    code: 'TENFOLD_JOB_INPUT_INVALID',
  })
  await assert.rejects(enqueueHome(work, ['x'], { runAt: new Date(Number.NaN) }), {
    code: 'TENFOLD_JOB_INPUT_INVALID',
  })
})

test('a running worker takes up a delayed job when it is due, and a fresh one at once', async (t) => {
  const delayed = gate<number>()
  const fresh = gate<number>()
  const work = job<'delayed' | 'fresh'>('work', async ({ input }) => {
    ;(input === 'delayed' ? delayed : fresh).open(performance.now())
  })
  const { enqueueHome, jobs } = await wired(t, [work], { times: { ...times, poll: 60_000 } })
  await jobs.worker.start()
  const startedAt = performance.now()
  await enqueueHome(work, ['fresh'])
  await fresh
  await enqueueHome(work, ['delayed'], { delay: 50 })
  assert.ok((await delayed) - startedAt >= 50)
})

test('progress is kept, cancel ends a run for good and takes out what waits', async (t) => {
  const [running, ended] = [gate<Handed<null>>(), gate()]
  const work = job<null>('work', async (run) => {
    await run.progress({ done: 1 })
    running.open(run)
    await new Promise<void>((resolve) => run.signal.addEventListener('abort', () => resolve()))
    await run.progress({ done: 2 })
    ended.open()
    throw run.signal.reason
  })
  const { enqueueHome, jobs } = await wired(t, [work], { slots: 1, times })
  const [one, two] = await enqueueHome(work, [null, null])
  const drained = jobs.drain()
  await running
  assert.deepEqual((await jobs.handle.get(one!))?.progress, { done: 1 })
  assert.equal(await jobs.handle.cancel(two!), true)
  assert.equal(await jobs.handle.get(two!), null)
  assert.equal(await jobs.handle.cancel(one!), true)
  await ended
  await drained
  assert.equal(await jobs.handle.get(one!), null, 'it does not come again')
  assert.equal(await jobs.handle.cancel(one!), false)
  assert.equal(await jobs.handle.get('no id'), null)
})

test('a stop gives back what did not start, waits for what runs, and ends the rest', async (t) => {
  const [running, stopped] = [gate(), gate<unknown>()]
  const long = job<null>('long', async ({ signal }) => {
    running.open()
    await new Promise<void>((_, reject) =>
      signal.addEventListener('abort', () => {
        stopped.open(signal.reason)
        reject(signal.reason)
      }),
    )
  })
  const { enqueueHome, jobs, sql } = await wired(t, [long], { slots: 1, times })
  await enqueueHome(long, [null, null, null])
  await jobs.worker.start()
  await running
  await jobs.worker.stop()
  assert.equal(((await stopped) as { code: string }).code, 'TENFOLD_JOB_STOPPED')
  const rows = await sql('select state, attempt from tenfold.job_states')
  assert.deepEqual(rows, Array(3).fill({ state: 'ready', attempt: 0 }))
})

test('a schedule fires once for each time, over all workers, and once for what was missed', async (t) => {
  const ran: unknown[] = []
  const nightly = noting('nightly', ran, { cron: '0 3 * * *' })
  const { jobs, another, sql } = await wired(t, [nightly], { clusters: 2, times })
  const second = await another({ times })
  await jobs.drain()
  assert.deepEqual(ran, [], 'its time has not come')
  const missed = "update tenfold.crons set next_at = now() - interval '3 days'"
  for (const cluster of [0, 1]) await sql(missed, [], cluster)
  await Promise.all([jobs.drain(), second.drain(), jobs.drain()])
  assert.deepEqual(ran, [{}])
  const rows = [
    ...(await sql<{ next_at: Date }>('select next_at from tenfold.crons')),
    ...(await sql<{ next_at: Date }>('select next_at from tenfold.crons', [], 1)),
  ]
  assert.equal(rows.length, 1)
  const offMs = (rows[0]!.next_at.getTime() % 86_400_000) - 3 * 3_600_000
  assert.ok(Math.abs(offMs) < 2_000, `${offMs} ms off three o'clock`)
})

test('a schedule comes back from the far future, where a clock that was wrong has put it', async (t) => {
  const ran: unknown[] = []
  const nightly = noting('nightly', ran, { cron: '0 3 * * *' })
  const { jobs, sql } = await wired(t, [nightly], { times })
  const hours = async (): Promise<number> => {
    await jobs.drain()
    const left = 'select extract(epoch from next_at - now())::float8 / 3600 as left from tenfold.crons'
    return (await sql<{ left: number }>(left))[0]!.left
  }
  const regular = await hours()
  await sql("update tenfold.crons set next_at = now() + interval '1 year'")
  assert.ok(Math.abs((await hours()) - regular) < 0.1)
  // One period away it stays: it may just have been served by somebody whose clock is ahead of ours.
  await sql("update tenfold.crons set next_at = next_at + interval '1 day'")
  assert.ok(Math.abs((await hours()) - regular - 24) < 0.1)
  assert.deepEqual(ran, [])
})

test('declarations that cannot work are refused', async (t) => {
  const { another } = await wired(t, [])
  const run = async () => {}
  const refused = { code: 'TENFOLD_JOB_OPTION' }
  for (const bad of [
    job('no name', run),
    job('a', run, { attempts: 0 }),
    job('a', run, { timeout: 'long' as never }),
    job('a', run, { backoff: ['1h', '1s'] }),
    job('a', run, { priority: 1.5 }),
    job('a', run, { concurrency: 0 }),
    job('a', run, { cron: 'each night' }),
    job('a', run, {
      cron: '* * * * *',
      input: { safeParse: () => ({ success: false, error: new Error('no') }) },
    }),
  ])
    await assert.rejects(async () => another({ jobs: [bad] }), refused)
  await assert.rejects(async () => another({ jobs: [job('a', run), job('a', run)] }), refused)
})
