import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gate } from './fixtures/gate.ts'
import { type Handed, job, wired } from './fixtures/wired.ts'

const ADD = 'insert into accounts values ($1, $2)'
const times = { lease: 30_000, heartbeat: 20, poll: 10, stop: 100, abort: 100 }

test('a run that does not wait for its write is not over before it', async (t) => {
  const careless = job<null>('careless', async (run) => {
    void run.write('add', async (tx) => {
      await tx.query('select pg_sleep(0.05)')
      await tx.query(ADD, [1, 1])
    })
  })
  const { enqueueHome, jobs, sql, logged } = await wired(t, [careless], { times })
  await enqueueHome(careless, [null])
  await jobs.drain()
  assert.deepEqual(await sql('select id from accounts'), [{ id: 1 }])
  assert.deepEqual(await sql('select id from tenfold.jobs'), [])
  assert.deepEqual(
    logged.filter(({ level }) => level === 'warn' || level === 'error'),
    [],
  )
})

test('a write that nobody waits for and that fails makes its run fail', async (t) => {
  const careless = job<null>(
    'careless',
    async (run) => {
      void run.write('add', async (tx) => {
        await tx.query('select pg_sleep(0.05)')
        if (run.attempt === 1) throw new Error('not yet')
        await tx.query(ADD, [run.attempt, 1])
      })
    },
    { backoff: [0, 0] },
  )
  const { enqueueHome, jobs, sql } = await wired(t, [careless], { times })
  await enqueueHome(careless, [null])
  await jobs.drain()
  await jobs.drain()
  assert.deepEqual(await sql('select id from accounts'), [{ id: 2 }])
})

test('a write begun when the run is over is refused: its job is done without it', async (t) => {
  const late = gate<Handed<null>>()
  const careless = job<null>('careless', async (run) => late.open(run))
  const { enqueueHome, jobs, sql } = await wired(t, [careless], { times })
  await enqueueHome(careless, [null])
  await jobs.drain()
  const run = await late
  await assert.rejects(
    run.write('add', (tx) => tx.query(ADD, [1, 1])),
    { code: 'TENFOLD_JOB_LEASE_LOST' },
  )
  assert.deepEqual(await sql('select id from accounts'), [])
})

for (const [what, thrown] of [
  ['undefined', undefined],
  ['an object without a prototype', Object.create(null)],
  ['a symbol', Symbol('no')],
  ['an error whose stack is no text', Object.assign(new Error('no'), { stack: 5 })],
] as const) {
  test(`a handler that throws ${what} fails like any other`, async (t) => {
    const odd = job<null>(
      'odd',
      async () => {
        throw thrown
      },
      { attempts: 1 },
    )
    const { enqueueHome, jobs } = await wired(t, [odd], { times })
    const [id] = await enqueueHome(odd, [null])
    await jobs.drain()
    const status = await jobs.handle.get(id!)
    assert.equal(status?.state, 'dead')
    assert.equal(typeof status?.error, 'string')
  })
}

test('all dead jobs are put in again, however many before them cannot be', async (t) => {
  const once = job<null>('once', async () => {})
  const { enqueueFor, jobs, sql } = await wired(t, [once], { times })
  const [stuck] = await enqueueFor(1, once, [null], { unique: 'same' })
  await sql('delete from tenfold.ready')
  await sql('update tenfold.jobs set state = 4')
  // Of many dead ones with one unique key only the newest goes in again; they fill more than one batch.
  await sql(
    `insert into tenfold.jobs (id, bucket, tag, name, state, due, run_at, attempts_max, owner, unique_key, payload)
    select (lpad(to_hex(n), 8, '0') || right(id::text, 28))::uuid, bucket, tag, name, 4, due, run_at, attempts_max, owner, unique_key, payload
    from tenfold.jobs, generate_series(1, 700) n where id = $1`,
    [stuck],
  )
  assert.equal(await jobs.retry('all'), 1)
  assert.equal((await jobs.handle.get(stuck!))?.state, 'ready')
})

test('what cannot be reported for want of a lock, time or room is reported later', async (t) => {
  let runs = 0
  const counted = job<null>('counted', async () => void runs++)
  const { enqueueHome, jobs, sql } = await wired(t, [counted], { times })
  await sql('create sequence refusals')
  await sql('alter function tenfold.complete_jobs rename to complete_jobs_indeed')
  await sql(`create function tenfold.complete_jobs(p_claims bigint[], p_ids uuid[], p_fences int[], p_buckets int[]) returns uuid[]
    language plpgsql as $$ begin
      case nextval('refusals')
        when 1 then raise exception using errcode = '57014';
        when 2 then raise exception using errcode = '55P03';
        when 3 then raise exception using errcode = '53100';
        else return tenfold.complete_jobs_indeed(p_claims, p_ids, p_fences, p_buckets);
      end case;
    end $$`)
  const [id] = await enqueueHome(counted, [null])
  void jobs.worker.start()
  while ((await jobs.handle.get(id!)) !== null) await sql('select pg_sleep(0.02)')
  assert.equal(runs, 1)
})
