import assert from 'node:assert/strict'
import { test } from 'node:test'
import { within } from '../kit/deadline.ts'
import { violations } from '../kit/judge.ts'
import { noMemory } from '../kit/memory.ts'
import { Dice } from '../kit/seed.ts'
import { ServerProcess } from '../kit/server.ts'
import { startWorkload } from '../kit/workload.ts'

/** Operations before the history is judged; a session without memory meets a replica that is behind long before. */
const OPERATIONS = 6_000

test('sessions that keep nothing are shown less than they have seen: the checkers notice', async (t) => {
  const server = await ServerProcess.start(t, { flags: ['--stage', 'replicated'] })
  const stop = new AbortController()
  const workload = startWorkload({
    url: server.url,
    dice: new Dice(1),
    sessions: 12,
    durationMs: 60_000,
    signal: stop.signal,
    memory: noMemory,
    repeats: 0,
  })
  await within(workload.progress(OPERATIONS), 'the workload', 60_000)
  stop.abort()
  await workload.done
  const found = await violations(workload.recorder.operations, await server.connections(), { copies: true })
  assert.ok(found.some(({ checker }) => checker === 'sessions'))
  // What is wrong is only what sessions see: nothing is lost or doubled.
  assert.deepEqual(
    found.filter(({ checker }) => checker !== 'sessions'),
    [],
  )
})
