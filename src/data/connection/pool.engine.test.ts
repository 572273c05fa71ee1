import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { systemClock } from '../../core/clock.ts'
import { testDatabase } from '../../testing/postgres.ts'
import type { Connection } from './connection.ts'
import { gateTo } from './fixtures/gate.ts'
import { Pool } from './pool.ts'

const END = { text: 'select pg_terminate_backend(pg_backend_pid())', name: '', fastRuns: 0 }

async function poolOfOne(t: TestContext) {
  const { connection, drop } = await testDatabase()
  t.after(drop)
  const gate = await gateTo(t, connection)
  const pool = new Pool({ connection: gate.connection, settings: {}, max: 1, clock: systemClock })
  return { pool, gate }
}

test('a session that opens too late for who waited goes to the next', async (t) => {
  const { pool, gate } = await poolOfOne(t)
  const first = await pool.acquire(5000)
  gate.state = 'silent'
  const impatient = assert.rejects(pool.acquire(20), /could be opened/)
  const patient = pool.acquire(5000)
  const knocked = gate.knocked()
  first.destroy()
  pool.release(first)
  await knocked
  await impatient
  gate.open()
  pool.release(await patient)
  pool.release(await pool.acquire(5000))
  assert.deepEqual([pool.busy, pool.waiting], [0, 0])
  await pool.close()
})

test('when no session can be opened, everybody who waits is told', async (t) => {
  const { pool, gate } = await poolOfOne(t)
  const first = await pool.acquire(5000)
  const waiting = Array.from({ length: 4 }, () => pool.acquire(60_000))
  gate.state = 'closed'
  first.destroy()
  pool.release(first)
  const results = await Promise.allSettled(waiting)
  assert.deepEqual(
    results.map(({ status }) => status),
    ['rejected', 'rejected', 'rejected', 'rejected'],
  )
  assert.equal(pool.busy, 0)
  await pool.close()
})

test('closing waits for a session that is being opened, and not for a silent server', async (t) => {
  const opening = await poolOfOne(t)
  opening.gate.state = 'silent'
  const knocked = opening.gate.knocked()
  const refused = assert.rejects(opening.pool.acquire(5000), /is stopped/)
  await knocked
  const closed = opening.pool.close()
  opening.gate.open()
  await closed
  assert.equal(opening.pool.busy, 0)
  await refused

  const silent = await poolOfOne(t)
  silent.pool.release(await silent.pool.acquire(5000))
  silent.gate.state = 'silent'
  await silent.pool.close()
})

test('a session that ends with its greeting is not handed out', async (t) => {
  const { pool, gate } = await poolOfOne(t)
  gate.endAtGreeting = 1
  await assert.rejects(pool.acquire(5000), { code: '57P01' })
  pool.release(await pool.acquire(5000))
  await pool.close()
})

test('a session that ends while it is looked at is not handed out, and takes up no place', async (t) => {
  const { connection, drop } = await testDatabase()
  t.after(drop)
  let ending = true
  const vet = async (session: Connection): Promise<void> => {
    if (!ending) return
    const lost = new Promise((resolve) => session.onLost(resolve))
    void session.run([{ statement: END, params: [] }])
    await lost
  }
  const pool = new Pool({ connection, settings: {}, max: 1, clock: systemClock, vet })
  await assert.rejects(pool.acquire(5000), /terminat/)
  assert.equal(pool.busy, 0)
  ending = false
  pool.release(await pool.acquire(5000))
  await pool.close()
})

test('who waits while a session is opened gets one that is given back before', async (t) => {
  const { connection, drop } = await testDatabase()
  t.after(drop)
  const gate = await gateTo(t, connection)
  const pool = new Pool({ connection: gate.connection, settings: {}, max: 2, clock: systemClock })
  const first = await pool.acquire(5000)
  gate.state = 'silent'
  const knocked = gate.knocked()
  const early = pool.acquire(5000)
  const late = pool.acquire(5000)
  await knocked
  pool.release(first)
  assert.equal(await early, first, 'the first who came')
  gate.open()
  const second = await late
  assert.notEqual(second, first)
  for (const session of [first, second]) pool.release(session)
  await pool.close()
})
