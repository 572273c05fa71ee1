import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Planted } from '../../../src/effects/fixtures/model/postgres.ts'
import { type Action, Violation, World } from '../../../src/effects/fixtures/model/world.ts'
import { LONG } from '../kit/seed.ts'
import { GuaranteedReader, type PlantedRead } from './guaranteed-reader.ts'

const RUNS = LONG ? 8_000 : 300
const RUNS_TO_FIND = 3_000

const processes = fc.integer({ min: 1, max: 2 })
const actions = fc.array(fc.tuple(fc.nat(World.ACTIONS.length - 1), fc.nat(99), fc.nat(99)), {
  minLength: 200,
  maxLength: 600,
  size: 'max',
})

async function live(
  count: number,
  steps: readonly Action[],
  planted: { relay?: Planted; read?: PlantedRead } = {},
): Promise<number> {
  const world = new World(count, planted.relay, (parts) => new GuaranteedReader(parts, planted.read))
  try {
    await world.run(steps)
    return world.hits
  } finally {
    await world.stop()
  }
}

test('relay and cache together: in any order of events no answer is too old', async (t) => {
  let hits = 0
  await fc.assert(
    fc.asyncProperty(processes, actions, async (count, steps) => {
      hits += await live(count, steps)
    }),
    { numRuns: RUNS },
  )
  t.diagnostic(`${hits} answers from a level`)
  assert.ok(hits > RUNS, `levels answered ${hits} times: too few to prove anything`)
})

const PLANTED: Readonly<Record<string, { relay?: Planted; read?: PlantedRead }>> = {
  'the position after the snapshot': { relay: 'position after snapshot' },
  'effects outside the transaction': { relay: 'effects outside the transaction' },
  'from after the snapshot': { read: 'from after the snapshot' },
  'no upto for the session': { read: 'no upto for the session' },
}
for (const [name, planted] of Object.entries(PLANTED))
  test(`a planted bug is caught: ${name}`, async () => {
    const { failed, errorInstance } = await fc.check(
      fc.asyncProperty(processes, actions, async (count, steps) => {
        await live(count, steps, planted)
      }),
      { numRuns: RUNS_TO_FIND, endOnFailure: true, seed: 1 },
    )
    assert.ok(failed, 'nobody noticed')
    assert.ok(errorInstance instanceof Violation, String(errorInstance))
  })
