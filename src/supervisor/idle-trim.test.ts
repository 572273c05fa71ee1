import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '../core/clock.ts'
import { createIdleTrim } from './idle-trim.ts'

test('the heap is trimmed once after the start and once after traffic has ended, never during it', async () => {
  let tick = () => {}
  const clock = {
    ...systemClock,
    timer: (_: number, run: () => void) => {
      tick = run
      return { cancel: () => {} }
    },
  }
  const state = { answered: 0, inFlight: 0, trims: 0 }
  const idle = createIdleTrim({
    clock,
    answered: () => state.answered,
    inFlight: () => state.inFlight,
    trim: () => void state.trims++,
  })
  await idle.start()
  assert.equal(state.trims, 0, 'somebody may wait for the first page')
  tick()
  tick()
  assert.equal(state.trims, 1, 'what the start has left')
  state.answered = 5
  tick()
  assert.equal(state.trims, 1, 'traffic since the last look')
  state.inFlight = 1
  tick()
  assert.equal(state.trims, 1, 'a request is running')
  state.inFlight = 0
  tick()
  tick()
  assert.equal(state.trims, 2)
  await idle.stop()
})
