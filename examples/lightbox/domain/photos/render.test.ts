import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { DarkroomFailed, ImageRefused, REFUSALS } from '../../darkroom/refusal.ts'
import type { Lightbox } from '../placing.ts'
import { GIVEN_UP, render } from './render.ts'

const system = { log: { error: () => {} } } as unknown as Lightbox
const attempt = (attempt: number, error: Error) =>
  render(
    system,
    { attempt, attemptsMax: 20, signal: new AbortController().signal, progress: async () => {} },
    async () => Promise.reject(error),
  )

describe('when a photo could not be made', () => {
  test('its own fault is told at once', async () => {
    assert.equal(await attempt(1, new ImageRefused('damaged')), REFUSALS.damaged)
  })

  test('one that crashes what makes it is given up at its fifth attempt', async () => {
    const crash = new DarkroomFailed('crash')
    await assert.rejects(attempt(4, crash), crash)
    assert.equal(await attempt(5, crash), GIVEN_UP)
  })

  test('for a full disk it is tried as often as jobs are', async () => {
    const full = new Error('no space left on device')
    for (const number of [5, 19]) await assert.rejects(attempt(number, full), full)
    assert.equal(await attempt(20, full), GIVEN_UP)
  })
})
