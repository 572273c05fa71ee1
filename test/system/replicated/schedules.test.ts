import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Dice, LONG } from '../kit/seed.ts'
import { FAULTS, type FaultName } from './nemesis.ts'
import { runSchedule } from './run.ts'

const SEEDS = 200
/** Between them, these do each fault once: all that the short form has time for. */
const CHOSEN = [300, 464, 547]
const FAULTS_EACH = 6
const ALL = Object.keys(FAULTS) as FaultName[]

const faultsOf = (seed: number): FaultName[] => {
  const dice = new Dice(seed)
  return Array.from({ length: FAULTS_EACH }, () => dice.pick(ALL))
}

/** One that is replayed, or fixed ones: a failure tells its own. */
function seeds(): number[] {
  const { TENFOLD_SEED } = process.env
  if (TENFOLD_SEED !== undefined) return [Number(TENFOLD_SEED)]
  return LONG ? Array.from({ length: SEEDS }, (_, at) => at + 1).concat(CHOSEN) : CHOSEN
}

test('the chosen seeds do every fault', () => {
  assert.deepEqual(CHOSEN.flatMap(faultsOf).toSorted(), ALL.toSorted())
})

describe('random faults on a replicated system: nothing acknowledged is lost, doubled, or unseen by who wrote it', {
  concurrency: 2,
}, () => {
  for (const seed of seeds()) {
    const clusters = 1 + (seed % 2)
    const faults = faultsOf(seed)
    test(`seed ${seed}, ${clusters} cluster(s): ${faults.join(', ')}`, (t) =>
      runSchedule(t, { seed, clusters, faults, flags: ['--workers', String(seed % 2)] }))
  }
})
