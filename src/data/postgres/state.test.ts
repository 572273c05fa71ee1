import assert from 'node:assert/strict'
import { test } from 'node:test'
import { step, TRANSITIONS } from './state.ts'
import type { PostgresState } from './types.ts'

const STATES = Object.keys(TRANSITIONS) as PostgresState[]

test('from every state a stop is possible, and stopped is final', () => {
  for (const state of STATES)
    assert.equal(
      TRANSITIONS[state].includes('stopping') || ['stopping', 'stopped'].includes(state),
      true,
      state,
    )
  assert.deepEqual(TRANSITIONS.stopped, [])
})

test('only what runs can crash, and every other step is a bug that shows', () => {
  for (const from of STATES)
    for (const to of STATES) {
      if (to === 'crashed') assert.equal(TRANSITIONS[from].includes(to), from === 'running')
      if (TRANSITIONS[from].includes(to)) assert.equal(step(from, to), to)
      else assert.throws(() => step(from, to), new RegExp(`${from} does not lead to ${to}`))
    }
})
