import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import pg from 'pg'
import { systemClock } from '../core/clock.ts'
import { systemRandom } from '../core/random.ts'
import type { Rider } from '../core/rider.ts'
import { uuidv7 } from '../core/uuid.ts'
import { gate } from './fixtures/gate.ts'
import { type Handed, job, type Options, type Wired, wired } from './fixtures/wired.ts'
import { Handoff } from './handoff.ts'
import type { EnqueueOptions, JobDefinition } from './types.ts'

const newId = uuidv7(systemClock, systemRandom())
const times = { poll: 10, stop: 200, abort: 200, repair: 3_600_000 }
const POSITION = { lsn: 1n, timeline: 1 }
const EXPIRE = `update tenfold.claims set lease_until = now() - interval '1 s'`
const TEND = 'select tenfold.tend_jobs(10, null)'
const JOBS = `select payload::text as input, state, attempt, fence, lost, claim is not null as held,
  exists (select from tenfold.ready r where r.id = j.id) as ready from tenfold.jobs j order by payload::text`

test('a job that may run at once is handed to the worker at hand, and never stands in the queue', async (t) => {
  const [running, go] = [gate<Handed<string>>(), gate()]
  const { work, enqueueHome, jobs, sql } = await working(t, async (run) => {
    running.open(run)
    await go
  })
  const [id] = await enqueueHome(work, ['a'])
  assert.equal((await running).id, id)
  assert.deepEqual(await sql('select tenfold.repair_jobs(10) as n'), [{ n: 0 }])
  assert.deepEqual(await sql(JOBS), [held('a')])
  const told = await jobs.handle.get(id!)
  assert.deepEqual([told?.state, told?.attempt], ['running', 1])
  go.open()
  await until(async () => (await sql(JOBS)).length === 0)
})

test('the commit is answered before its job begins', async (t) => {
  const order: string[] = []
  const { work, enqueueHome, sql } = await working(t, async () => void order.push('runs'))
  await enqueueHome(work, ['a']).then(() => order.push('answered'))
  await until(async () => (await sql(JOBS)).length === 0)
  assert.deepEqual(order, ['answered', 'runs'])
})

test('what may not run at once, or not here, goes into the queue', async (t) => {
  const go = gate()
  const { work, enqueueHome, deliver, jobs, sql } = await working(t, () => go, { slots: 2 })
  const limited = job('limited', async () => {}, { concurrency: 1 })
  const isHanded = (input: string, options?: EnqueueOptions, kind?: JobDefinition): boolean =>
    deliver(input, options, kind) instanceof Handoff
  assert.ok(isHanded('this one may'))
  assert.ok(!isHanded('delayed', { delay: '1h' }))
  assert.ok(!isHanded('unique', { unique: 'x' }))
  assert.ok(!isHanded('limited', {}, limited))
  const rows = ['one', 'two'].map((input) => row(jobs, work, input))
  assert.ok(!(jobs.intake.deliver('c0', rows) instanceof Handoff), 'several at once')
  assert.ok(!(jobs.intake.deliver('c1', [rows[0]!]) instanceof Handoff), 'of a cluster that is not there')
  const onItsWay = deliver('on its way')
  onItsWay.sending()
  await enqueueHome(work, ['a'])
  assert.ok(!isHanded('no slot is free'))
  onItsWay.rolledBack()
  assert.ok(isHanded('one is free again'))
  deliver('delayed', { delay: '1h' }).committed(POSITION)
  assert.ok(!isHanded('somebody may wait'))
  await until(async () => isHanded('nobody does'))
  await jobs.pause()
  assert.ok(!isHanded('nobody claims'))
  go.open()
  await until(async () => (await sql(JOBS)).length === 0)
})

test('what is handed over again and again does not keep the queue waiting', async (t) => {
  let over = gate()
  const order: string[] = []
  const run = async ({ input }: Handed<string>): Promise<void> => {
    order.push(input)
    // So long that nothing is claimed ahead of time.
    await parts.sql('select pg_sleep(0.12)')
    over.open()
  }
  const parts = await working(t, run, { slots: 1, times: { ...times, poll: 100 } })
  for (let n = 0; n < 8 && !order.includes('waits'); n++) {
    if (n > 0) await over
    over = gate()
    await parts.enqueueHome(parts.work, ['again'])
    // As another process would: nobody here is told.
    const waits = `select tenfold.enqueue_job($1, -1, 0, 'work', 0, 0, 3, null, 'other', null, null, '"waits"')`
    if (n === 1) await parts.sql(waits, [newId()])
  }
  assert.ok(order.includes('waits'), order.join())
  await until(async () => (await parts.sql(JOBS)).length === 0)
})

test('a transaction that rolls back leaves nothing, and room', async (t) => {
  const { deliver, within, jobs, sql } = await working(t, async () => assert.fail('It was not committed'), {
    slots: 1,
  })
  const delivery = deliver('a')
  await within(delivery, 'rollback')
  delivery.rolledBack()
  assert.deepEqual(await sql(JOBS), [])
  assert.ok(deliver('b') instanceof Handoff)
  await jobs.worker.stop()
  assert.deepEqual(await sql('select from tenfold.claims'), [], 'nor does its claim wait for it')
})

for (const end of ['commit', 'rollback'])
  test(`whose outcome is unknown, and was a ${end}, runs as often as it was committed`, async (t) => {
    const ran = gate<number>()
    const beat = { ...times, heartbeat: 40 }
    const { deliver, within, sql } = await working(t, async ({ attempt }) => ran.open(attempt), {
      slots: 1,
      times: beat,
    })
    await sql('create sequence asked')
    await sql('alter function tenfold.release_jobs rename to release_jobs_indeed')
    await sql(`create function tenfold.release_jobs(p_claims bigint[], p_ids uuid[], p_fences int[], p_buckets int[]) returns uuid[]
      language sql as $$ select nextval('asked'); select tenfold.release_jobs_indeed(p_claims, p_ids, p_fences, p_buckets) $$`)
    const delivery = deliver('a')
    const ending = await within(delivery)
    delivery.unknown(10_000)
    assert.ok(deliver('b') instanceof Handoff, 'it leaves room')
    await until(async () => (await sql<{ n: number }>('select last_value::int as n from asked'))[0]!.n > 2)
    await ending(end)
    if (end === 'commit') assert.equal(await ran, 1, 'without waiting for the lease')
    await until(async () => (await sql(JOBS)).length === 0)
  })

test('committed, nobody knows where: it waits for a claim that tells', async (t) => {
  const ran = gate<Handed<string>>()
  const { deliver, within, sql } = await working(t, async (run) => ran.open(run), {
    times: { ...times, heartbeat: 40 },
  })
  const delivery = deliver('a')
  await within(delivery, 'commit')
  assert.deepEqual(await sql(JOBS), [held('a')])
  delivery.committed(undefined)
  await ran
  await until(async () => (await sql(JOBS)).length === 0)
})

test('a worker that vanishes loses what was handed to it, and what it had ended it had ended', async (t) => {
  const { deliver, within, sql, claim } = await working(t, async () => {}, { slots: 4 })
  for (const input of ['a', 'b', 'c']) await within(deliver(input), 'commit')
  const [done] = await sql<{ id: string }>(`select id from tenfold.jobs where payload::text = '"a"'`)
  const complete = `select tenfold.complete_jobs(array[$1::bigint], array[$2::uuid], array[0], array[-1]) = '{}' as taken`
  assert.deepEqual(await sql(complete, [claim, done?.id]), [{ taken: true }])
  await sql(`update tenfold.jobs set attempts_max = 1 where payload::text = '"c"'`)
  await sql(`${EXPIRE} where id = ${claim}; ${TEND}`)
  const lost = { attempt: 1, fence: 1, lost: 1, held: false, ready: false }
  const told = await sql(JOBS)
  assert.deepEqual(told, [
    { input: '"b"', state: 5, ...lost },
    { input: '"c"', state: 4, ...lost },
  ])
  assert.deepEqual(await sql(`select from tenfold.claims where id = ${claim}`), [])
})

test('a claim that is lost takes what is just being ended only if it is not', async (t) => {
  for (const end of ['commit', 'rollback']) {
    const { deliver, within, sql, claim, session } = await working(t, async () => {})
    await within(deliver('a'), 'commit')
    await session('begin')
    await session('select tenfold.complete_job($1, id, 0) from tenfold.jobs', [claim])
    await sql(`${EXPIRE} where id = ${claim}; ${TEND}`)
    assert.equal((await sql(`select from tenfold.claims where id = ${claim}`)).length, 1, 'it stays for that')
    await session(end)
    await sql(`${EXPIRE} where id = ${claim}; ${TEND}`)
    assert.deepEqual(
      (await sql<{ state: number }>(JOBS)).map(({ state }) => state),
      end === 'commit' ? [] : [5],
    )
    assert.deepEqual(await sql(`select from tenfold.claims where id = ${claim}`), [])
  }
})

test('what is committed after its claim has gone is found, and takes effect once', async (t) => {
  const [running, go, finished] = [gate(), gate(), gate<unknown>()]
  const runs: string[] = []
  const { committedLate, sql } = await working(
    t,
    async ({ write }) => {
      const n = runs.push('run')
      if (n === 1) {
        running.open()
        await go
      }
      // Under one name for all runs it would simply meet what the other has written.
      const written = write(`write ${n}`, (tx) => tx.query('insert into accounts values ($1, 1)', [n]))
      if (n === 1) finished.open(await written.catch(({ code }) => code))
      await written
    },
    { times: { ...times, repair: 20 } },
  )
  await committedLate()
  await running
  await until(async () => (await sql(JOBS)).length === 0)
  go.open()
  assert.equal(await finished, 'TENFOLD_JOB_LEASE_LOST')
  assert.deepEqual(await sql('select id from accounts'), [{ id: 2 }])
})

test('its lease is that of the claim, which is older: what could not begin before it was over does not', async (t) => {
  const attempts: number[] = []
  const { deliver, within, sql } = await working(t, async ({ attempt }) => void attempts.push(attempt), {
    times: { ...times, lease: 900, heartbeat: 3_600_000 },
  })
  const left =
    'select extract(epoch from lease_until - clock_timestamp()) * 1000 as ms from tenfold.claims where id = $1'
  const leaseOf = async (delivery: Rider) =>
    Number((await sql<{ ms: string }>(left, [delivery.statements()[0]?.params?.at(-1)]))[0]?.ms)
  let delivery = deliver('a')
  await until(async () => {
    delivery = deliver('a')
    return delivery instanceof Handoff && (await leaseOf(delivery)) < 780
  })
  await within(delivery, 'commit')
  const endsAt = performance.now() + (await leaseOf(delivery))
  delivery.committed(POSITION)
  // This process does nothing else meanwhile.
  while (performance.now() < endsAt + 20);
  await until(async () => (await sql(JOBS)).length === 0)
  assert.deepEqual(attempts, [2])
})

test('a run that comes back to the worker that still has it takes the place of the former', async (t) => {
  const [first, second, lost] = [gate(), gate(), gate<unknown>()]
  let runs = 0
  const { committedLate, sql } = await working(
    t,
    async ({ signal }) => {
      if (++runs > 1) return second
      signal.addEventListener('abort', () => lost.open(signal.reason.code))
      await first
    },
    { times: { ...times, repair: 20 } },
  )
  await committedLate()
  assert.equal(await lost, 'TENFOLD_JOB_LEASE_LOST')
  first.open()
  await new Promise((resolve) => setImmediate(resolve))
  second.open()
  await until(async () => (await sql(JOBS)).length === 0)
  assert.equal(runs, 2)
})

test('claims take over from each other; one that is over is forgotten, one with a long run is prolonged', async (t) => {
  const [running, go] = [gate(), gate()]
  const { work, enqueueHome, sql, claim, logged } = await working(
    t,
    async ({ input }) => {
      if (input !== 'long') return
      running.open()
      await go
    },
    { times: { ...times, lease: 900, heartbeat: 60 } },
  )
  await enqueueHome(work, ['long'])
  await running
  const seen = new Set<string>([claim])
  while (seen.size < 8) {
    await enqueueHome(work, ['short'])
    for (const { id } of await sql<{ id: string }>('select id::text from tenfold.claims')) seen.add(id)
  }
  const claims = await sql<{ id: string }>('select id::text from tenfold.claims')
  assert.ok(
    claims.some(({ id }) => id === claim),
    'the long run still has its claim',
  )
  assert.ok(claims.length <= 5, `${claims.length} claims are left`)
  go.open()
  await until(async () => (await sql(JOBS)).length === 0)
  await until(async () => (await sql(`select from tenfold.claims where id = ${claim}`)).length === 0)
  assert.deepEqual(
    logged.filter(({ level }) => level !== 'debug'),
    [],
  )
})

test('what is handed over while a worker stops, or after, is not run there, and not lost', async (t) => {
  const runs: string[] = []
  const { deliver, within, sql, jobs, another } = await working(t, async ({ input }) => void runs.push(input))
  const [one, two] = [deliver('one'), deliver('two')]
  await within(one, 'commit')
  const ending = await within(two)
  one.committed(POSITION)
  await jobs.worker.stop()
  await ending('commit')
  two.committed(POSITION)
  await new Promise((resolve) => setImmediate(resolve))
  assert.ok(!runs.includes('two'))
  const next = await another({ times, soleWorker: true })
  await next.drain()
  await until(async () => (await sql(JOBS)).length === 0)
  assert.deepEqual(runs.sort(), ['one', 'two'])
})

test('beside a job that runs alone nothing begins that was handed over meanwhile', async (t) => {
  const [alone, go] = [gate(), gate()]
  const order: string[] = []
  const { work, deliver, within, sql } = await working(t, async ({ input, attempt }) => {
    order.push(`${input} ${attempt}`)
    if (input !== 'suspect') return
    alone.open()
    await go
    order.push('suspect ends')
  })
  const delivery = deliver('a')
  await within(delivery, 'commit')
  const values = [newId(), work.name]
  await sql(
    `insert into tenfold.jobs (id, bucket, tag, name, state, due, run_at, attempt, lost, attempts_max, owner, payload)
    values ($1, -1, 0, $2, 5, now(), now(), 1, 1, 3, 'x', '"suspect"')`,
    values,
  )
  await alone
  assert.ok(!(deliver('b') instanceof Handoff))
  delivery.committed(POSITION)
  await until(async () => (await sql<{ ready: boolean }>(JOBS)).some(({ ready }) => ready))
  assert.deepEqual(order, ['suspect 2'])
  go.open()
  await until(async () => (await sql(JOBS)).length === 0)
  assert.deepEqual(order, ['suspect 2', 'suspect ends', 'a 1'])
})

/** A worker that has nothing to do, and a claim to hand jobs over to. */
async function working(t: TestContext, run: (run: Handed<string>) => Promise<void>, options: Options = {}) {
  const work = job<string>('work', async (handed) => (handed.input === 'warm' ? undefined : run(handed)))
  const parts = await wired(t, [work], { times, ...options })
  const { jobs, enqueueHome, sql, connections } = parts
  const pool = new pg.Pool({ ...connections[0], max: 1, idleTimeoutMillis: 0 })
  pool.on('error', () => {})
  t.after(() => pool.end())
  const session: Wired['sql'] = async (text, params = []) => (await pool.query(text, [...params])).rows
  await jobs.worker.start()
  const deliver = (input: string, asked?: EnqueueOptions, kind = work): Rider =>
    jobs.intake.deliver('c0', [row(jobs, kind, input, asked)])
  await enqueueHome(work, ['warm'])
  await until(async () => (await sql(JOBS)).length === 0 && deliver('probe') instanceof Handoff)
  const [{ id: claim }] = (await sql(`select id::text from tenfold.claims where jobs = '{}'`)) as [
    { id: string },
  ]
  /** Records it in a transaction of a session of its own; ends that at once, or as it is told. */
  async function within(delivery: Rider, end: string): Promise<void>
  async function within(delivery: Rider): Promise<(end: string) => Promise<unknown>>
  async function within(delivery: Rider, end?: string): Promise<unknown> {
    await session('begin')
    delivery.sending()
    for (const { sql, params } of delivery.statements()) await session(sql, params)
    if (end === undefined) return session
    await session(end)
    return undefined
  }
  /** A job that is committed when the claim it was handed over to has gone. */
  const committedLate = async (): Promise<void> => {
    const delivery = deliver('a')
    const ending = await within(delivery)
    await sql(`delete from tenfold.claims where id = ${claim}`)
    await ending('commit')
    delivery.committed(POSITION)
  }
  return { ...parts, work, session, deliver, within, committedLate, claim }
}

const row = (jobs: Wired['jobs'], kind: JobDefinition, input: string, options: EnqueueOptions = {}) =>
  jobs.intake.row({ job: kind, input, options, placement: 'home', marker: newId(), ordinal: 0, seen: '' })
const held = (input: string) => ({
  input: JSON.stringify(input),
  state: 0,
  attempt: 0,
  fence: 0,
  lost: 0,
  held: true,
  ready: false,
})
async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setImmediate(resolve))
}
