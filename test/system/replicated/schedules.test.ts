import { describe, test } from 'node:test'
import { Dice, LONG } from '../kit/seed.ts'
import { FAULTS, type FaultName } from './nemesis.ts'
import { runSchedule } from './run.ts'

const SEEDS = LONG ? 200 : 10
const FAULTS_EACH = LONG ? 6 : 3
const ALL = Object.keys(FAULTS) as FaultName[]

/** One that is replayed, or the fixed row of seeds: a failure tells its own. */
function seeds(): number[] {
  const { TENFOLD_SEED } = process.env
  return TENFOLD_SEED === undefined
    ? Array.from({ length: SEEDS }, (_, at) => at + 1)
    : [Number(TENFOLD_SEED)]
}

describe('random faults on a replicated system: nothing acknowledged is lost, doubled, or unseen by who wrote it', {
  concurrency: 2,
}, () => {
  for (const seed of seeds()) {
    const dice = new Dice(seed)
    const clusters = 1 + (seed % 2)
    const faults = Array.from({ length: FAULTS_EACH }, () => dice.pick(ALL))
    test(`seed ${seed}, ${clusters} cluster(s): ${faults.join(', ')}`, (t) =>
      runSchedule(t, { seed, clusters, faults, flags: ['--workers', String(seed % 2)] }))
  }
})
