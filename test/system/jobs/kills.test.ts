import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { until } from '../kit/deadline.ts'
import { LONG } from '../kit/seed.ts'
import { assertOnce, insist, jobsPlace, listed, settled } from './system.ts'

/** Where a process can die on the way of a job; `recording` is still in the request. */
const STEPS = [
  'recording',
  'claimed',
  'in a write',
  'after a write',
  'after an enqueue',
  'in job.write',
  'after job.write',
  'returned',
  'exit',
]

// Side by side: most of their time is the pause before a server that dies again and again is started.
describe('at every step', { concurrency: true }, () => {
  for (const clusters of LONG ? [1, 2] : [2])
    test(`killed at every step of a job, each effect is there once (FAULTS case 27), on ${clusters}`, async (t) => {
      const here = jobsPlace(t)
      const system = await here.start(['--clusters', String(clusters)])
      for (const [at, step] of STEPS.entries()) {
        const owner = String(at + 1)
        const path = `/work?owner=${owner}&step=${encodeURIComponent(step)}`
        // The request may die with the process: the client asks again under the same key.
        await insist(system, path)
        await settled(here, system)
      }
      const counters = await settled(here, system)
      for (const at of STEPS.keys()) assertOnce(counters, String(at + 1))
      assert.ok(
        (system.guard.so.err.match(/starting again/g) ?? []).length >= STEPS.length,
        system.guard.so.err,
      )
    })
})

for (const clusters of LONG ? [1, 2] : [2])
  test(`a job that ends its process is put aside, the others are done (FAULTS case 29), on ${clusters}; the commands see it`, async (t) => {
    const here = jobsPlace(t)
    const system = await here.start(['--clusters', String(clusters)])
    await insist(system, '/poison')
    await insist(system, '/work?owner=1&step=none')
    const dead = await until('the dead letter', async () => (await listed(here, 'dead'))?.[0])
    assert.equal(dead.name, 'poison')
    assert.match(dead.error ?? '', /vanished during attempt 2 of 2/)
    assertOnce(await settled(here, system), '1')

    const jobs = (...args: string[]) => here.run(['jobs', ...args, '--data', here.data])
    assert.match((await jobs('list')).out, /poison +dead +2\/2/)
    assert.equal((await jobs('discard')).code, 2)
    assert.equal((await jobs('list', '--state', 'done')).code, 2)
    const missing = await jobs('retry', '018f4f6e-0000-7abc-8def-0123456789ab')
    assert.equal(missing.code, 1)
    assert.match(missing.err, /There is no dead job.*018f4f6e[\s\S]*TENFOLD_JOB_MISSING/)
    assert.match((await jobs('retry', dead.id)).err, /1 job put in again/)
    await until('the dead letter again', async () => (await listed(here, 'dead'))?.[0])
    const discarded = await jobs('discard', '--all-dead', '--json')
    assert.deepEqual(JSON.parse(discarded.out), { jobs: 1 })
    assert.deepEqual(await listed(here), [])
  })
