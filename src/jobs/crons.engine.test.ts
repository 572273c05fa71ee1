import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '../core/clock.ts'
import { job, wired } from './fixtures/wired.ts'

const BEFORE_NOON = Date.UTC(2026, 0, 2, 11, 59, 50)

test('a time of a schedule is served once, also when the clock is set back to before it', async (t) => {
  let ran = 0
  const hourly = job<object>('hourly', async () => void ran++, { cron: '0 * * * *' })
  const startedAt = systemClock.monotonic()
  const clock = { ...systemClock, now: () => Math.floor(BEFORE_NOON + systemClock.monotonic() - startedAt) }
  const { jobs, sql } = await wired(t, [hourly], { clock })
  const leftMs = async (): Promise<number> => {
    await jobs.drain()
    const left = 'select (extract(epoch from next_at - now()) * 1000)::float8 as ms from tenfold.crons'
    return (await sql<{ ms: number }>(left))[0]!.ms
  }
  assert.ok((await leftMs()) <= 10_000)
  // Noon by the database's clock; this one has just been set back.
  await sql('update tenfold.crons set next_at = now()')
  const next = await leftMs()
  assert.equal(ran, 1)
  assert.ok(next > 3_600_000, `${next} ms until one o'clock`)
})

test('a schedule that a clock an hour ahead has set loses no time when the clock is right again', async (t) => {
  let ran = 0
  let aheadMs = 3_600_000
  const hourly = job<object>('hourly', async () => void ran++, { cron: '0 * * * *' })
  const startedAt = systemClock.monotonic()
  const elapsed = (): number => Math.floor(systemClock.monotonic() - startedAt)
  const clock = { ...systemClock, now: () => BEFORE_NOON + aheadMs + elapsed() }
  const { jobs, sql } = await wired(t, [hourly], { clock })
  await jobs.drain()
  aheadMs = 10_000
  await sql('update tenfold.crons set next_at = now()')
  await jobs.drain()
  assert.equal(ran, 1)
  const [{ ms }] = (await sql(
    'select (extract(epoch from next_at - now()) * 1000)::float8 as ms from tenfold.crons',
  )) as [{ ms: number }]
  assert.ok(ms < 3_600_000, `${ms} ms until one o'clock`)
})
