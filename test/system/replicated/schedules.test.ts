import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Dice, LONG } from '../kit/seed.ts'
import { FAULTS, type FaultName } from './nemesis.ts'
import { runSchedule } from './run.ts'

const SEEDS = 200
/** Between them, these do every fault once with the first two that each draws: the short form, most of it on one cluster, which costs half. */
const CHOSEN = [4, 11, 16, 20, 24, 26, 34, 42, 90, 110]
const FAULTS_EACH = LONG ? 6 : 2
const ALL = Object.keys(FAULTS) as FaultName[]

function faultsOf(seed: number): FaultName[] {
  const dice = new Dice(seed)
  return Array.from({ length: FAULTS_EACH }, () => dice.pick(ALL))
}

/** With and without, and with where one is to be broken. */
const workersFor = (seed: number, faults: readonly FaultName[]): string =>
  faults.some((name) => name.includes('worker')) ? '1' : String(seed % 2)

/** One that is replayed, or fixed ones: a failure tells its own. */
function seeds(): number[] {
  const { TENFOLD_SEED } = process.env
  if (TENFOLD_SEED !== undefined) return [Number(TENFOLD_SEED)]
  return LONG ? Array.from({ length: SEEDS }, (_, at) => at + 1) : CHOSEN
}

test('the chosen seeds do every fault', () => {
  const drawn = new Set(CHOSEN.flatMap(faultsOf))
  assert.deepEqual([...drawn].toSorted(), ALL.toSorted())
})

describe('random faults on a replicated system: nothing acknowledged is lost, doubled, or unseen by who wrote it', {
  concurrency: 2,
}, () => {
  for (const seed of seeds()) {
    const clusters = 1 + (seed % 2)
    const faults = faultsOf(seed)
    test(`seed ${seed}, ${clusters} cluster(s): ${faults.join(', ')}`, (t) =>
      runSchedule(t, { seed, clusters, faults, flags: ['--workers', workersFor(seed, faults)] }))
  }
})
