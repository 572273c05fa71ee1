import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type PlantedStream, SplitWorld } from '../../../src/effects/fixtures/model/split-world.ts'
import { type Action, Violation } from '../../../src/effects/fixtures/model/world.ts'
import { LONG } from '../kit/seed.ts'
import { GuaranteedReader, type PlantedRead } from './guaranteed-reader.ts'

const RUNS = LONG ? 8_000 : 200
const RUNS_TO_FIND = 3_000

const actions = fc.array(fc.tuple(fc.nat(SplitWorld.HAPPENINGS.length - 1), fc.nat(99), fc.nat(99)), {
  minLength: 200,
  maxLength: 600,
  size: 'max',
})

async function live(
  steps: readonly Action[],
  planted: { stream?: PlantedStream; read?: PlantedRead } = {},
): Promise<number> {
  const world = new SplitWorld(2, planted, (parts) => new GuaranteedReader(parts, planted.read))
  try {
    await world.run(steps)
    return world.hits
  } finally {
    await world.stop()
  }
}

test('relays, stream and two caches: in any order of events no answer is too old (FAULTS 20, 21)', async (t) => {
  let hits = 0
  await fc.assert(
    fc.asyncProperty(actions, async (steps) => {
      hits += await live(steps)
    }),
    { numRuns: RUNS },
  )
  t.diagnostic(`${hits} answers from a level`)
  assert.ok(hits > RUNS, `levels answered ${hits} times: too few to prove anything`)
})

const PLANTED: Readonly<Record<string, { stream?: PlantedStream; read?: PlantedRead }>> = {
  'acknowledged before it is applied': { stream: 'acknowledged before it is applied' },
  'no reset on reconnect': { stream: 'no reset on reconnect' },
  'each level believes that it is the only one': { stream: 'each level believes that it is the only one' },
  'from after the snapshot': { read: 'from after the snapshot' },
}
for (const [name, planted] of Object.entries(PLANTED))
  test(`a planted bug is caught: ${name}`, async () => {
    const { failed, errorInstance } = await fc.check(
      fc.asyncProperty(actions, async (steps) => {
        await live(steps, planted)
      }),
      { numRuns: RUNS_TO_FIND, endOnFailure: true, seed: 1 },
    )
    assert.ok(failed, 'nobody noticed')
    assert.ok(errorInstance instanceof Violation, String(errorInstance))
  })
