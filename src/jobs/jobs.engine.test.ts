import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { job, type Tx, wired } from './fixtures/wired.ts'

const VISIT = 'update users set visits = visits + 1 where id = $1'
const USER = 'insert into users values ($1, $2)'

for (const clusters of [1, 2]) {
  test(`a job that a transaction recorded runs once, on ${clusters}`, async (t) => {
    const seen: unknown[] = []
    const greet = job<{ n: number }>('greet', async ({ id, input, attempt }) => {
      seen.push({ id, ...input, attempt })
    })
    const { enqueueFor, enqueueHome, jobs, sql } = await wired(t, [greet], { clusters })
    const ids = [
      ...(await enqueueFor(1, greet, [{ n: 1 }])),
      ...(await enqueueFor(2, greet, [{ n: 2 }, { n: 3 }])),
      ...(await enqueueHome(greet, [{ n: 4 }])),
    ]
    const waiting = await Promise.all(ids.map((id) => jobs.handle.get(id)))
    assert.deepEqual(
      waiting.map((one) => one && [one.state, one.attempt, one.input]),
      ids.map((_, at) => ['ready', 0, { n: at + 1 }]),
    )
    await jobs.drain()
    assert.deepEqual(
      seen.sort((a, b) => (a as { n: number }).n - (b as { n: number }).n),
      ids.map((id, at) => ({ id, n: at + 1, attempt: 1 })),
    )
    assert.equal(await jobs.handle.get(ids[0]!), null, 'a job that is done is gone')
    for (let at = 0; at < clusters; at++)
      assert.deepEqual(await sql('select id from tenfold.jobs', [], at), [])
  })

  test(`job.write commits its rows and the completion together, on ${clusters}`, async (t) => {
    const count = job<{ user: number }>('count', async (run) => {
      await run.write('visit', (tx) => tx.query(VISIT, [run.input.user]))
    })
    const { client, enqueueFor, jobs } = await wired(t, [count], { clusters, doubleRun: true })
    for (let id = 1; id <= 8; id++) {
      await client.writeAt(client.target('user', id), `user ${id}`, (tx: Tx) => tx.query(USER, [id, 'x']))
      await enqueueFor(id, count, [{ user: id }])
    }
    await jobs.drain()
    for (let id = 1; id <= 8; id++) {
      const [row] = await client.readAt(client.target('user', id).placement, (db) =>
        db.query<{ visits: number }>('select visits from users where id = $1', [id]),
      )
      assert.equal(row?.visits, 1)
    }
  })
}

for (const clusters of [1, 2])
  test(`a job whose transaction rolls back is not there (FAULTS case 25), on ${clusters}`, async (t) => {
    const never = job('never', () => assert.fail('It was not committed'))
    const { client, userOn, jobs, sql } = await wired(t, [never], { clusters })
    const target = client.target('user', userOn(clusters - 1))
    const writing = client.writeAt(target, 'fails', async (tx: Tx) => {
      const { row, deliver } = jobs.intake
      const asked = row({
        job: never,
        input: {},
        options: {},
        placement: target.placement,
        marker: tx.id,
        ordinal: 0,
        seen: '',
      })
      for (const { sql: text, params = [] } of deliver(tx.cluster, [asked]).statements())
        await tx.query(text, params)
      throw new Error('no')
    })
    await assert.rejects(writing, { message: 'no' })
    await jobs.drain()
    for (const at of Array(clusters).keys())
      assert.deepEqual(await sql('select id from tenfold.jobs', [], at), [])
  })

test('a run that fails comes again after a pause, and is put aside after its attempts', async (t) => {
  const attempts: number[] = []
  const fails = job<null>(
    'fails',
    async ({ attempt }) => {
      attempts.push(attempt)
      throw new Error(`no ${attempt}\0`)
    },
    { attempts: 3, backoff: [0, 0] },
  )
  const { enqueueFor, jobs } = await wired(t, [fails])
  const [id] = await enqueueFor(1, fails, [null])
  while ((await jobs.handle.get(id!))?.state !== 'dead') await jobs.drain()
  assert.deepEqual(attempts, [1, 2, 3])
  const dead = await jobs.handle.get(id!)
  assert.match(dead?.error ?? '', /no 3/)
  assert.deepEqual(
    (await jobs.list({ state: 'dead', name: 'fails' })).map((one) => one.id),
    [id],
  )
  assert.equal(await jobs.retry(id!), 1)
  await jobs.drain()
  assert.equal(attempts[3], 1, 'its attempts count anew')
  while ((await jobs.handle.get(id!))?.state !== 'dead') await jobs.drain()
  assert.equal(await jobs.discard('all'), 1)
  await assert.rejects(jobs.discard(id!), { code: 'TENFOLD_JOB_MISSING' })
})

test('a run that takes too long has failed, also when its handler does not care', async (t) => {
  let reason: unknown
  const hangs = job<null>(
    'hangs',
    ({ signal }) =>
      new Promise(() => {
        signal.addEventListener('abort', () => {
          reason = signal.reason
        })
      }),
    { attempts: 1, timeout: 20 },
  )
  const { enqueueFor, jobs } = await wired(t, [hangs])
  const [id] = await enqueueFor(1, hangs, [null])
  await jobs.drain()
  assert.equal((reason as { code: string }).code, 'TENFOLD_JOB_TIMEOUT')
  const dead = await jobs.handle.get(id!)
  assert.equal(dead?.state, 'dead')
  assert.match(dead?.error ?? '', /TENFOLD_JOB_TIMEOUT.*did not end within 20 ms/)
})

test('a payload is checked when it is put in, and again when it is claimed', async (t) => {
  const strict = job<{ n: number }>('strict', async () => {}, { input: z.object({ n: z.number() }) })
  const { enqueueFor, jobs, sql } = await wired(t, [strict])
  await assert.rejects(enqueueFor(1, strict, [{ n: 'x' }]), {
    code: 'TENFOLD_JOB_INPUT_INVALID',
    message: /n: /,
  })
  await assert.rejects(enqueueFor(1, strict, [{ n: 1n }]), { code: 'TENFOLD_JOB_INPUT_INVALID' })
  await assert.rejects(enqueueFor(1, strict, [undefined]), { code: 'TENFOLD_JOB_INPUT_INVALID' })
  const [id] = await enqueueFor(1, strict, [{ n: 1 }])
  await sql(`update tenfold.jobs set payload = '{"m":1}'`)
  await jobs.drain()
  const dead = await jobs.handle.get(id!)
  assert.deepEqual([dead?.state, dead?.attempt], ['dead', 1])
  assert.match(dead?.error ?? '', /TENFOLD_JOB_INPUT_INVALID.*older release/)
})

test('payloads keep every text, alone and in numbers', async (t) => {
  const texts = ['', 'NUL \0', 'half \ud800', 'quote " \\ \'', '{a,b}', 'ß→😀']
  const seen = new Map<string, unknown>()
  const echo = job<unknown>('echo', async ({ id, input }) => void seen.set(id, input))
  const { enqueueFor, jobs } = await wired(t, [echo])
  const ids = await enqueueFor(1, echo, texts)
  for (const [at, text] of texts.entries()) ids.push(...(await enqueueFor(2 + at, echo, [text])))
  await jobs.drain()
  assert.deepEqual(
    ids.map((id) => seen.get(id)),
    [...texts, ...texts],
  )
})

test('a name that this release does not know fails, comes again, and is dead in the end', async (t) => {
  const old = job<null>('old', async () => {}, { attempts: 2 })
  const { enqueueFor, jobs, sql } = await wired(t, [])
  const [id] = await enqueueFor(1, old, [null])
  await jobs.drain()
  assert.equal((await jobs.handle.get(id!))?.state, 'delayed')
  await sql('update tenfold.jobs set run_at = now()')
  await jobs.drain()
  const dead = await jobs.handle.get(id!)
  assert.equal(dead?.state, 'dead')
  assert.match(dead?.error ?? '', /TENFOLD_JOB_UNKNOWN.*no job named old/)
})

test('a database that refuses much at once is asked for less at a time', async (t) => {
  let ran = 0
  const work = job<null>('work', async () => void ran++)
  const { enqueueHome, jobs, sql } = await wired(t, [work])
  await enqueueHome(work, Array(300).fill(null))
  // As with locks of more buckets than the server has room for.
  for (const [name, args] of [
    ['claim_jobs', '$1, $2, $3, $4, $5, $6, $7, $8'],
    ['complete_jobs', '$1, $2, $3, $4'],
  ] as const) {
    const size = name === 'claim_jobs' ? '$3' : 'cardinality($1)'
    await sql(`alter function tenfold.${name} rename to ${name}_all`)
    const types =
      name === 'claim_jobs'
        ? 'uuid, bigint, int, int, int, float8, int, timestamptz'
        : 'bigint[], uuid[], int[], int[]'
    const returns =
      name === 'claim_jobs'
        ? 'table (id uuid, name text, bucket int, tag int, attempt int, attempts_max int, fence int, payload json, seen text)'
        : 'uuid[]'
    const body =
      name === 'claim_jobs'
        ? `return query select * from tenfold.${name}_all(${args});`
        : `return tenfold.${name}_all(${args});`
    await sql(`create function tenfold.${name}(${types}) returns ${returns} language plpgsql as $$ begin
      if ${size} > 20 then raise exception using errcode = '53200', message = 'out of shared memory'; end if;
      ${body} end $$`)
  }
  await jobs.drain()
  assert.equal(ran, 300)
  assert.deepEqual(await sql('select 1 from tenfold.jobs'), [])
})
