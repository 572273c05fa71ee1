import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { DeliveredEffects } from '../core/effects.ts'
import { type Plant, Simulation, type SimulationReport } from './fixtures/simulation.ts'
import { MemoryLevel } from './level.ts'

const LONG = process.env.TENFOLD_TEST_LONG === '1'
const STEPS = 2_000
const SEEDS = LONG ? 2_000 : 60
/** A planted bug has to show within so many runs. */
const SEEDS_TO_FIND = 300

const simulate = (seed: number, processes: 'one' | 'many', plant: Plant = {}): Promise<SimulationReport> =>
  new Simulation({ ...plant, seed, steps: STEPS, processes }).run()

/** An invalidation leaves nothing behind that refuses a late fill. */
class DeletesInsteadOfFloors extends MemoryLevel {
  override apply(_cluster: string, batch: readonly DeliveredEffects[]): void {
    for (const { effects } of batch) for (const text of effects.invalidate ?? []) this.forget(text)
  }
}
class DoesNotHold extends MemoryLevel {
  override hold(): void {}
  override release(): void {}
}
class SharesAnything extends MemoryLevel {
  override mayShare(): boolean {
    return true
  }
}

/** A bug, and the kind of run in which it can do harm. */
const PLANTS: Readonly<Record<string, Plant & { readonly processes: 'one' | 'many' }>> = {
  'delete instead of floor': { processes: 'many', level: DeletesInsteadOfFloors },
  'no hold before COMMIT': { processes: 'one', level: DoesNotHold },
  'a waiter takes any load': { processes: 'many', level: SharesAnything },
  'the position noted after the snapshot': { processes: 'many', positionAfterSnapshot: true },
  'from noted after the snapshot': { processes: 'many', fromAfterSnapshot: true },
  'the floor is the LSN of the commit': { processes: 'many', floorOfCommit: true },
  'upto is not in the token': { processes: 'many', forgetUpto: true },
  'a page that is younger than its parts': { processes: 'many', forgetParts: true },
  'a position at the token is enough': { processes: 'many', notStrict: true },
}

describe('any order of fills, commits, positions, resets and evictions', () => {
  for (const processes of ['one', 'many'] as const)
    test(`gives nothing too old: commits of ${processes === 'one' ? 'this process' : 'several processes'}`, async () => {
      let hits = 0
      let stored = 0
      for (let seed = 1; seed <= SEEDS; seed++) {
        const report = await simulate(seed, processes)
        assert.deepEqual(report.violations, [], `seed ${seed}`)
        hits += report.hits
        stored += report.stored
      }
      // It would be easy to be right without ever answering.
      assert.ok(hits > SEEDS * 30 && stored > SEEDS * 30, `${hits} hits, ${stored} stored`)
    })
})

describe('the check notices', () => {
  for (const [name, plant] of Object.entries(PLANTS))
    test(name, async () => {
      for (let seed = 1; seed <= SEEDS_TO_FIND; seed++)
        if ((await simulate(seed, plant.processes, plant)).violations.length > 0) return
      assert.fail('It went unnoticed')
    })
})
