import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import pg from 'pg'
import { seededRandom } from '../core/random.ts'
import { gate } from './fixtures/gate.ts'
import { type Handed, job, type Wired, wired } from './fixtures/wired.ts'

type Sql = Wired['sql']
type Held = { claim: number; id: string; fence: number }
/** What a worker tells of a run: $1 its claim, $2 the job, $3 the fence. */
const RUN = 'array[$1::bigint], array[$2::uuid], array[$3::int], array[-1]'
const COMPLETE = `select tenfold.complete_jobs(${RUN}) = '{}' as taken`
const RELEASE = `select tenfold.release_jobs(${RUN}) = '{}' as taken`
const FAIL = `select tenfold.fail_jobs(json_build_array(json_build_object('claim', $1::bigint, 'id', $2::uuid,
  'fence', $3::int, 'bucket', -1, 'error', 'no', 'delay_ms', 0, 'dead', false))) = '{}' as taken`
const RENEW = `select exists (select from tenfold.renew_jobs(${RUN}, 30000)) as taken`
const PROGRESS = `select tenfold.progress_job($1, $2, $3, -1, '1') as taken`
const WRITTEN = 'select true as taken from tenfold.complete_job($1, $2, $3)'
const CLAIM = 'tenfold.claim_jobs(gen_random_uuid(), $1, $2, 30000, 1000000) where id is not null'
const SUSPECT = 'tenfold.claim_suspect(gen_random_uuid(), $1, 30000 * $2) where id is not null'
const CLAIMS = 'select id::text from tenfold.claims order by id'
/** Without the one that jobs are handed over to. */
const STAND = `insert into tenfold.claims values ($1, gen_random_uuid(), now() + interval '1 h', '{}', '{}')`
const TAKEN = "select from tenfold.claims where jobs <> '{}'"
const EXPIRE = `update tenfold.claims set lease_until = now() - interval '1 s'`
const WAITING = `select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`
const RISE = 'update tenfold.jobs set run_at = now() where state = 1'
const times = { poll: 10, stop: 20, abort: 200, repair: 3_600_000 }
const work = job<string>('work', async () => {})

test('a claim goes when all its jobs have ended, and after a stop none is left', async (t) => {
  const last = gate()
  const run = async ({ input, signal, write }: Handed<string>): Promise<void> => {
    if (input === 'fail') throw new Error('no')
    if (input === 'last') await last
    if (input === 'write') await write('w', (tx) => tx.query('insert into accounts values (1, 1)'))
    if (input === 'wait') await new Promise((_, no) => signal.addEventListener('abort', no))
  }
  const handler = job<string>('work', run, { backoff: [600_000, 600_000] })
  const { enqueueHome, jobs, sql } = await wired(t, [handler], { times, slots: 4 })
  const states = async () => (await sql('select state from tenfold.jobs order by 1')).map((row) => row.state)
  await enqueueHome(handler, ['done', 'fail', 'write', 'last'])
  await jobs.worker.start()
  for (const inputs of [[], ['done']]) {
    await enqueueHome(handler, inputs)
    await until(async () => (await states()).join() === '0,1')
  }
  await agrees(sql, 'one of the four still runs')
  last.open()
  await until(async () => (await sql(TAKEN)).length === 0)
  await enqueueHome(handler, ['wait', 'wait', 'wait', 'wait', 'done', 'done'])
  await until(async () => (await sql(TAKEN)).length > 0)
  await jobs.worker.stop()
  assert.deepEqual(await sql(CLAIMS), [])
  assert.deepEqual(await states(), [0, 0, 0, 0, 0, 0, 1])
  await agrees(sql)
})

test('with a claim is lost what it still holds, not what ended or is held by another', async (t) => {
  const { sql, ids } = await prepared(t, ['a', 'b', 'c', 'd'])
  await sql('update tenfold.jobs set attempt = 1 where id = $1', [ids[3]])
  await claim(sql, 1)
  assert.ok(await takes(sql, COMPLETE, 1, ids[0]))
  assert.ok(await takes(sql, FAIL, 1, ids[1]))
  await lose(sql)
  assert.deepEqual(await claim(sql, 2), [{ claim: 2, id: ids[1], fence: 1 }])
  await sql(`${EXPIRE} where id = 1`)
  assert.equal(await lose(sql), 2)
  const told = `select concat_ws(' ', state, attempt, fence, lost) as of from tenfold.jobs order by payload::text`
  assert.deepEqual(await sql(told), [{ of: '0 1 1 0' }, { of: '5 1 1 1' }, { of: '1 2 1 1' }])
  assert.deepEqual(await sql(CLAIMS), [{ id: '2' }])
  await agrees(sql)
  assert.ok(await takes(sql, COMPLETE, 2, ids[1], 1))
})

test('who takes back more claims than fit into one look is told so', async (t) => {
  const { sql } = await prepared(t)
  for (let id = 1; id <= 11; id++) await sql(STAND, [id])
  await sql(EXPIRE)
  const more = 'select more from tenfold.tend_jobs(10, gen_random_uuid())'
  assert.deepEqual([await sql(more), await sql(more)], [[{ more: true }], [{ more: false }]])
  assert.deepEqual(await sql(CLAIMS), [])
})

test('whoever speaks of a run has to have its claim and its fence', async (t) => {
  const calls = [COMPLETE, FAIL, RELEASE, RENEW, PROGRESS, WRITTEN]
  const { sql, ids } = await prepared(t, calls)
  const before = await sql('select * from tenfold.jobs order by id')
  const answers = () => Promise.all(calls.map((text, at) => takes(sql, text, 1, ids[at])))
  await claim(sql, 1)
  await sql('update tenfold.claims set id = 2')
  assert.deepEqual([...new Set(await answers())], [false], 'without the claim')
  await sql('update tenfold.claims set id = 1')
  await sql('update tenfold.jobs set fence = 1')
  assert.deepEqual([...new Set(await answers())], [false], 'with another fence')
  await sql('update tenfold.jobs set fence = 0')
  assert.deepEqual(await sql('select * from tenfold.jobs order by id'), before)
  assert.deepEqual([...new Set(await answers())], [true], 'with both')
})

for (const end of ['commit', 'rollback'])
  test(`what is just being completed is left to whoever does it, also when it ends by ${end}`, async (t) => {
    const { sql, other, ids } = await prepared(t, ['a', 'b'])
    await claim(sql, 1)
    await other('begin')
    assert.ok(await takes(other, WRITTEN, 1, ids[0]))
    await sql(EXPIRE)
    assert.equal(await lose(sql), 1)
    assert.deepEqual(await sql('select lease_until > now() as later from tenfold.claims'), [{ later: true }])
    await other(end)
    await agrees(sql)
    await sql(EXPIRE)
    assert.equal(await lose(sql), end === 'commit' ? 0 : 1)
    assert.deepEqual(await sql(CLAIMS), [])
    assert.equal((await sql('select from tenfold.jobs where state = 5')).length, end === 'commit' ? 1 : 2)
  })

test('a claim of a bucket that is not here stands in nobody’s way', async (t) => {
  const { sql } = await prepared(t)
  for (const [at, buckets] of [[5], [5, -1], [-1]].entries()) {
    for (const bucket of buckets) await enqueue(sql, { bucket })
    assert.equal((await claim(sql, at + 1)).length, buckets.length)
  }
  await sql('update tenfold.buckets set owned = false where bucket = 5')
  await sql(`update tenfold.claims set lease_until = now() - (4 - id) * interval '1 s'`)
  for (const lost of [0, 1, 1]) assert.equal(await lose(sql, 1), lost, 'of one claim after the other')
  assert.deepEqual(await sql(CLAIMS), [{ id: '1' }, { id: '2' }])
  assert.deepEqual(await sql('select from tenfold.claims where lease_until < now()'), [], 'not again at once')
})

test('a job that neither waits nor is held is found, and runs once', async (t) => {
  const ran: string[] = []
  const handler = job<string>('work', async ({ input }) => void ran.push(input))
  const { enqueueHome, jobs, sql } = await wired(t, [handler], { times })
  const [held] = await enqueueHome(handler, ['held'])
  await claim(sql, 1)
  const [stray] = await enqueueHome(handler, ['stray', 'waits'])
  await sql('delete from tenfold.ready where id = $1', [stray])
  for (const n of [1, 0]) assert.deepEqual(await sql('select tenfold.repair_jobs(10) as n'), [{ n }])
  assert.deepEqual(await sql('select id from tenfold.jobs where fence > 0'), [{ id: stray }])
  assert.ok(await takes(sql, COMPLETE, 1, held))
  await jobs.drain()
  assert.deepEqual(ran.sort(), ['stray', 'waits'])
})

for (const concurrency of [null, 1])
  test(`of a claim and a cancellation the first wins, with a limit of ${concurrency}`, async (t) => {
    const { sql, other } = await prepared(t)
    const cancel = (by: Sql, id: string) => by('select tenfold.cancel_job($1) as answer', [id])
    for (const end of ['rollback', 'commit']) {
      const answer = end === 'commit' ? 'asked' : 'gone'
      const id = await enqueue(sql, { concurrency })
      await other('begin')
      assert.equal((await claim(other, 1)).length, 1)
      const cancelled = cancel(sql, id)
      await until(async () => (await sql(WAITING)).length > 0)
      await other(end)
      assert.deepEqual(await cancelled, [{ answer }])
      await agrees(sql)
      assert.equal(await takes(sql, RELEASE, 1, id), answer === 'asked')
      assert.deepEqual(await sql('select from tenfold.jobs'), [], 'given back, it is gone as well')
    }
    const id = await enqueue(sql, { concurrency })
    await other('begin')
    assert.deepEqual(await cancel(other, id), [{ answer: 'gone' }])
    assert.deepEqual(await claim(sql, 2), [], 'is just being cancelled')
    await other('commit')
    await agrees(sql)
  })

test('a session that began in a quiet moment walks through no queue to put a job into it', async (t) => {
  const { sql, other: session } = await prepared(t)
  await sql('vacuum analyze tenfold.ready')
  const read = `select relname, seq_tup_read from pg_stat_user_tables where relname in ('ready', 'jobs')`
  const before = await session(read)
  for (let n = 0; n < 3_000; n++) await enqueue(session, {})
  await session('select pg_stat_force_next_flush()')
  assert.deepEqual(await session(read), before)
  assert.equal((await sql('select from tenfold.ready')).length, 3_000)
})

for (const seed of [1, 2, 3])
  test(`whatever happens, a job under way is in one place (seed ${seed})`, async (t) => {
    const { sql, other } = await prepared(t)
    const random = seededRandom(seed)
    const below = (n: number): number => Math.floor(random.next() * n)
    const [ids, held]: [string[], Held[]] = [[], []]
    drawn = seed * 10_000
    const take = async (by = sql, from = CLAIM): Promise<unknown> =>
      held.push(...(await claim(by, ++drawn, 1 + below(4), from)))
    const pair = async (): Promise<void> => {
      await other('begin')
      await take(other)
      await take()
      await other(below(3) > 0 ? 'commit' : 'rollback')
    }
    const put = async (): Promise<void> => {
      const [concurrency, unique] = [[null, null, 1, 2][below(4)], [null, null, 'a', 'b'][below(4)]]
      const [owner, delay] = [`owner ${below(3)}`, [0, 0, 0, 1e6][below(4)]]
      ids.push(await enqueue(sql, { concurrency, unique, owner, delay }))
    }
    const tell = (text: string) => async (): Promise<void> => {
      for (const { claim, id, fence } of held.splice(below(held.length), 1 + below(3))) {
        if (below(4) === 0) held.push({ claim, id, fence }) // It is told twice.
        if (await takes(sql, text, claim, id, fence)) await sql('select tenfold.drop_claim($1)', [claim])
      }
    }
    const tend = () =>
      sql(`${EXPIRE} where id % 3 = ${below(3)}; ${RISE} and hashtext(id::text) & 1 = ${below(2)};
        select tenfold.tend_jobs(10, null)`)
    const repair = () =>
      sql(`delete from tenfold.ready where id = (select id from tenfold.ready
          where id not in (select unnest(jobs) from tenfold.claims) order by id limit 1);
        delete from tenfold.claims where id = (select min(id) from tenfold.claims where jobs = '{}');
        select tenfold.repair_jobs(500)`)
    const hand = async (): Promise<void> => {
      if (below(3) === 0) await sql(STAND, [++drawn])
      const given = await handOver(sql, below(1_000))
      ids.push(...given.map(({ id }) => id))
      held.push(...given)
    }
    const cancel = () => sql('select tenfold.cancel_job($1)', [ids[below(ids.length)]])
    const retry = () => sql('select tenfold.retry_jobs(null, 3, null)')
    const steps = [
      put,
      put,
      put,
      put,
      hand,
      hand,
      take,
      pair,
      () => take(sql, SUSPECT),
      tend,
      repair,
      cancel,
      retry,
    ]
    steps.push(...[COMPLETE, FAIL, RELEASE].map(tell))
    for (let n = 0; n < 300; n++) {
      await steps[below(steps.length)]?.()
      await agrees(sql, `step ${n}`)
    }
    const left = () => sql('select from tenfold.jobs where state <> 4')
    for (let n = 0; n < 300 && (await left()).length > 0; n++) {
      held.length = 0
      await tend()
      await take(sql, n % 2 === 0 ? CLAIM : SUSPECT)
      await tell(COMPLETE)()
    }
    assert.deepEqual(await left(), [], 'none is stuck')
  })

const claim = (sql: Sql, id: number, max = 10, from = CLAIM): Promise<Held[]> =>
  sql<Held>(`select $1::int as claim, id, fence from ${from}`, [id, max])
const lose = async (sql: Sql, max = 10): Promise<unknown> =>
  (await sql('select lost from tenfold.tend_jobs($1, null)', [max]))[0]?.lost
async function takes(sql: Sql, text: string, claim: number, id?: string, fence = 0): Promise<unknown> {
  const told = sql(text, [claim, id, fence]).catch(({ code }) => [{ taken: code === 'TF003' ? false : code }])
  return (await told)[0]?.taken
}
let drawn = 0
const nextId = (): string => `00000000-0000-7000-8000-${String(++drawn).padStart(12, '0')}`
async function enqueue(sql: Sql, row: Record<string, unknown>): Promise<string> {
  const { bucket = -1, concurrency = null, owner = 'one', unique = null, delay = 0 } = row
  const id = nextId()
  const params = [id, bucket, `work ${concurrency}`, delay, concurrency, owner, unique]
  await sql(`select tenfold.enqueue_job($1, $2, 0, $3, 0, $4, 3, $5, $6, $7, '', '"x"')`, params)
  return id
}
/** Hands a job over to one of the claims there are, if there are any. */
const handOver = (sql: Sql, which: number): Promise<Held[]> =>
  sql<Held>(
    `insert into tenfold.jobs (id, bucket, tag, name, state, due, run_at, attempts_max, owner, payload, claim)
      select $1, -1, 0, 'work', 0, now(), now(), 3, 'one', '"x"', id from tenfold.claims
        order by id limit 1 offset $2::int % greatest(1, (select count(*) from tenfold.claims))
      returning claim::int, id, fence`,
    [nextId(), which],
  )
/** Each job that is under way waits or is held, once; no other does or is. And no limit is exceeded. */
async function agrees(sql: Sql, when?: string): Promise<void> {
  const wrong = await sql(`with places as (
      select id, fence, due, owner, 'ready' as place from tenfold.ready
      union all select id, fence, due, owner, 'held' from tenfold.jobs join (
        select unnest(jobs) as id, unnest(fences) as fence from tenfold.claims) c using (id, fence)
      union all select id, fence, due, owner, 'handed over' from tenfold.jobs where claim in (select id from tenfold.claims))
    select id::text, state, string_agg(place, ',') as is from tenfold.jobs full join places using (id, fence, due, owner)
      group by id, state having count(place) <> coalesce((state in (0, 3))::int, -1) or (state = 3 and max(place) <> 'held')
    union all select name || owner, 3, 'over the limit' from tenfold.jobs
      where state = 3 group by name, owner having count(*) > max(concurrency)`)
  assert.deepEqual(wrong, [], when)
}
/** Jobs that nobody runs, and beside `sql` one session more. */
async function prepared(t: TestContext, inputs: string[] = []) {
  const { sql, enqueueHome, connections } = await wired(t, [work])
  const pool = new pg.Pool({ ...connections[0], max: 1, idleTimeoutMillis: 0 })
  pool.on('error', () => {})
  t.after(() => pool.end())
  const other: Sql = async (text, params = []) => (await pool.query(text, [...params])).rows
  return { sql, other, ids: await enqueueHome(work, inputs) }
}
async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setImmediate(resolve))
}
