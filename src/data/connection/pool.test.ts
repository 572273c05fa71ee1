import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Clock } from '../../core/clock.ts'
import { systemClock } from '../../core/clock.ts'
import { testDatabase } from '../../testing/postgres.ts'
import { Pool } from './pool.ts'

/** Time that stands still until told; timers run when it passes them. */
function handClock(): Clock & { advance(ms: number): void } {
  let now = 0
  const timers = new Set<{ at: number; run: () => void }>()
  return {
    ...systemClock,
    monotonic: () => now,
    timer: (ms, run) => {
      const timer = { at: now + ms, run }
      timers.add(timer)
      return { cancel: () => timers.delete(timer) }
    },
    advance: (ms) => {
      now += ms
      for (const timer of [...timers].filter(({ at }) => at <= now)) {
        timers.delete(timer)
        timer.run()
      }
    },
  }
}

test('idle sessions go, but for those that are to stay', async (t) => {
  const { connection, drop } = await testDatabase()
  t.after(drop)
  const clock = handClock()
  for (const idleMin of [0, 1]) {
    const pool = new Pool({ connection, settings: {}, max: 4, idleMin, clock })
    const sessions = await Promise.all([1, 2, 3].map(() => pool.acquire(5000)))
    const gone = sessions.map((session) => new Promise<number>((resolve) => session.onLost(() => resolve(1))))
    for (const session of sessions) pool.release(session)
    clock.advance(6000)
    await Promise.all(gone.slice(0, 3 - idleMin))
    assert.equal(sessions.filter((session) => session.lost).length, 3 - idleMin)
    const again = await pool.acquire(5000)
    assert.equal(sessions.includes(again), idleMin === 1)
    pool.release(again)
    await pool.close()
  }
})

test('waiters are served in order, and give up in time', async (t) => {
  const { connection, drop } = await testDatabase()
  t.after(drop)
  const pool = new Pool({ connection, settings: {}, max: 1, clock: systemClock })
  const first = await pool.acquire(5000)
  const served: string[] = []
  const late = assert.rejects(pool.acquire(20), /sessions were busy/)
  const waiting = ['a', 'b'].map((name) =>
    pool.acquire(5000).then((session) => {
      served.push(name)
      pool.release(session)
    }),
  )
  await late
  pool.release(first)
  await Promise.all(waiting)
  assert.deepEqual(served, ['a', 'b'])
  await pool.close()
})
