import assert from 'node:assert/strict'
import { test } from 'node:test'
import { until } from '../kit/deadline.ts'
import { assertOnce, insist, jobsPlace, listed, settled } from './system.ts'

test('a handler that never yields: the process is replaced, the attempt counts, the rest goes on', async (t) => {
  const here = jobsPlace(t)
  const system = await here.start([], { env: { TENFOLD_UNRESPONSIVE_SECONDS: '1.5' } })
  // The answer may never come: the job holds up the process that would give it.
  const asking = fetch(`${system.url}/block`, { method: 'POST' }).catch(() => {})
  await system.guard.shows(/has answered nothing for 1.5 s.*\n.*ended \(SIGKILL\), starting again/, 'err')
  await asking
  const dead = await until('the dead letter', async () => (await listed(here, 'dead'))?.[0])
  assert.deepEqual([dead.name, dead.attempt], ['block', 1])
  assert.match(dead.error ?? '', /vanished during attempt 1 of 1/)
  await insist(system, '/work?owner=1&step=none')
  assertOnce(await settled(here, system), '1')
})
