import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Clock } from '../core/clock.ts'
import { systemClock } from '../core/clock.ts'
import { watchPulse } from './pulse.ts'
import type { StartRequest } from './start-request.ts'

/** A clock that stands still until it is put forward; its timers fire when they are told to. */
function hand() {
  let now = 0
  let due: { at: number; run: () => void } | undefined
  const clock: Clock = {
    ...systemClock,
    monotonic: () => now,
    timer: (ms, run) => {
      due = { at: now + ms, run }
      return { cancel: () => {} }
    },
  }
  /** Fires the pending timer, late by `lateMs`. */
  const fire = (lateMs = 0): void => {
    const { at, run } = due as { at: number; run: () => void }
    now = at + lateMs
    due = undefined
    run()
  }
  return { clock, fire, pending: () => due !== undefined }
}

const request = { unresponsiveMs: 30_000 } as StartRequest

test('a process that leaves three pings unanswered is silent, one that answers is not', () => {
  const { clock, fire, pending } = hand()
  const told: string[] = []
  const pulse = watchPulse(
    { clock, request },
    () => told.push('ping'),
    () => told.push('silence'),
  )
  fire()
  fire()
  pulse.answered()
  fire()
  fire()
  fire()
  assert.deepEqual(told, Array(6).fill('ping'))
  fire()
  assert.deepEqual(told, [...Array(6).fill('ping'), 'silence'])
  assert.equal(pending(), false)
})

test('a guard that was paused itself gives the process its chance', () => {
  const { clock, fire } = hand()
  const told: string[] = []
  watchPulse(
    { clock, request },
    () => {},
    () => told.push('silence'),
  )
  fire()
  fire()
  fire(60_000) // due three pings ago, as for a process that never answered
  fire()
  fire()
  assert.deepEqual(told, [])
  fire()
  assert.deepEqual(told, ['silence'])
})

test('0 seconds mean never', () => {
  const { clock, pending } = hand()
  watchPulse({ clock, request: { ...request, unresponsiveMs: 0 } }, assert.fail, assert.fail)
  assert.equal(pending(), false)
})
