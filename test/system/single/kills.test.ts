import { describe, type TestContext, test } from 'node:test'
import { FAULTS, type FaultName } from '../kit/nemesis.ts'
import { chooseSeed, Dice, LONG } from '../kit/seed.ts'
import { ServerProcess } from '../kit/server.ts'
import { runUnderFaults } from '../kit/under-faults.ts'

/** Bounds a run whose sessions are never answered. */
const RUN_MS_MAX = LONG ? 1_200_000 : 90_000

async function run(t: TestContext, clusters: number, rounds: number): Promise<void> {
  const seed = chooseSeed()
  t.diagnostic(`TENFOLD_SEED=${seed}`)
  const server = await ServerProcess.start(t, { clusters })
  const faults = schedule(new Dice(seed).branch(3), rounds).map((name) => [name, FAULTS[name]] as const)
  await runUnderFaults(t, server, { seed, faults, msMax: RUN_MS_MAX })
}

const ALL = Object.keys(FAULTS) as FaultName[]

/** Every fault once a round, in an order that the dice choose. */
function schedule(dice: Dice, rounds: number): FaultName[] {
  return Array.from({ length: rounds }, () => ALL.map((name) => ({ name, at: dice.below(1e9) })))
    .flatMap((round) => round.toSorted((a, b) => a.at - b.at))
    .map(({ name }) => name)
}

describe('FAULTS cases 1, 6, 11, 40: nothing acknowledged is lost, doubled or stale', {
  concurrency: true,
}, () => {
  for (const clusters of LONG ? [1, 2] : [2]) {
    test(`server and PostgreSQL are killed, stopped and cut off under load, ${clusters} cluster(s)`, async (t) => {
      await run(t, clusters, LONG ? 25 : 1)
    })
  }
})
