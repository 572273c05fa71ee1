import assert from 'node:assert/strict'
import { test } from 'node:test'
import pg from 'pg'
import { systemClock } from '../core/clock.ts'
import type { UpkeepSession } from '../core/ports.ts'
import { systemRandom } from '../core/random.ts'
import { upkeepSessions } from '../data/client/upkeep-session.ts'
import { Desk } from './desk.ts'
import { job, wired } from './fixtures/wired.ts'

const WISH = { max: 10, alone: false, tend: false, sole: false, repair: false }

test('a claim whose connection is lost, and that commits after the next one, is given back all the same', async (t) => {
  const work = job<number>('work', async () => {})
  const { connections, enqueueHome, sql } = await wired(t, [work])
  const sessions = upkeepSessions([{ name: 'c0', connection: connections[0]! }], (ms, run) =>
    systemClock.timer(ms, run),
  )
  const [lost, claims, reports] = ['lost', 'claims', 'reports'].map((purpose) => sessions.open('c0', purpose))
  const holder = new pg.Client(connections[0])
  await holder.connect()
  await holder.query('begin')
  await holder.query('select pg_advisory_xact_lock(42)')
  // The server goes on with what nobody waits for any more.
  let first: Promise<unknown> | undefined
  const cut: UpkeepSession = {
    ...reports!,
    generation: 0,
    isTransient: () => true,
    run: (statements) => {
      if (first) return claims!.run(statements)
      first = lost!.run(statements.toSpliced(-2, 0, { sql: 'select pg_advisory_xact_lock_shared(42)' }))
      return Promise.reject(new Error('Connection lost'))
    },
  }
  const desk = new Desk({
    cluster: 'c0',
    claims: cut,
    reports: reports!,
    worker: '018f4f6e-0000-7abc-8def-0123456789ab',
    clock: systemClock,
    random: systemRandom(),
    leaseMs: 30_000,
  })
  await enqueueHome(work, [1, 2])
  await assert.rejects(desk.claim(WISH), /Connection lost/)
  const waiting = 'select from pg_locks where not granted and objid = 42'
  while ((await sql(waiting)).length === 0);
  assert.deepEqual((await desk.claim(WISH)).jobs, [], 'the other has them, and has not committed')
  await holder.query('commit')
  await first
  assert.equal((await sql("select from tenfold.job_states where state = 'running'")).length, 2)
  const { jobs } = await desk.claim(WISH)
  assert.deepEqual(jobs.map(({ payload, attempt }) => [payload, attempt]).sort(), [
    [1, 1],
    [2, 1],
  ])
  await Promise.all([lost, claims, reports].map((session) => session?.close()))
  await holder.end()
})

test('jobs are handed over to a claim for a third of its lease, and from half of that on to the next', async (t) => {
  const { connections, sql } = await wired(t, [])
  const sessions = upkeepSessions([{ name: 'c0', connection: connections[0]! }], (ms, run) =>
    systemClock.timer(ms, run),
  )
  let now = 1_000
  const desk = new Desk({
    cluster: 'c0',
    claims: sessions.open('c0', 'claims'),
    reports: sessions.open('c0', 'reports'),
    worker: '018f4f6e-0000-7abc-8def-0123456789ab',
    clock: { ...systemClock, monotonic: () => now },
    random: systemRandom(),
    leaseMs: 30_000,
  })
  const claims = async () =>
    (await sql<{ id: string }>('select id::text from tenfold.claims')).map(({ id }) => id)
  assert.equal(desk.standing(), undefined, 'nobody has asked for one')
  await desk.claim(WISH)
  const first = desk.standing()
  assert.deepEqual(await claims(), [first?.id])
  await desk.claim(WISH)
  now += 5_001
  assert.equal(desk.standing(), first)
  await desk.claim(WISH)
  const second = desk.standing()
  assert.deepEqual((await claims()).sort(), [first?.id, second?.id].sort())
  assert.notEqual(second, first)
  await desk.claim(WISH)
  assert.deepEqual(await claims(), [second?.id], 'the first is over')
  now += 10_001
  assert.equal(desk.standing(), undefined)
  await desk.close()
})
