import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { LONG } from '../kit/seed.ts'
import { BUGS, type Bug } from './app.ts'
import { crash, look, payment, type Step, steps } from './steps.ts'
import { ModelSystem } from './system.ts'

const RUNS = LONG ? 400 : 3
/** Histories until a planted bug has surely shown itself. */
const PLANTED_RUNS = 40
/** Histories in which each shows itself soon; what chance finds comes after them. */
const LIKELY: Readonly<Record<Bug, Step[]>> = {
  outside: Array.from({ length: 16 }, (_, turn) => [payment(0, 1), crash(turn % 2)]).flat(),
  unmarked: [payment(0, 1, 2)],
  // By one visitor, so that nobody looks between the credit and the end: a load then would hide what is missing.
  forgotten: [...Array.from({ length: 40 }, () => look(1)), payment(0, 1)],
}
/** To replay a failure: the seed is in its message. */
const SEED = process.env.TENFOLD_SEED

// Side by side: most of their time is what nodes wait for each other.
describe('any order', { concurrency: true }, () => {
  for (const clusters of LONG ? [1, 2] : [2]) {
    test(`writes, retries, crashes and jobs in any order keep model, rows and cache equal, on ${clusters} cluster(s)`, async (t) => {
      const system = await ModelSystem.open(t, clusters)
      await fc.assert(
        fc.asyncProperty(steps, (history) => system.check(history)),
        { numRuns: RUNS, endOnFailure: true, ...(SEED !== undefined && { seed: Number(SEED) }) },
      )
      await system.close()
    })
  }
})

describe('planted bugs', { concurrency: true }, () => {
  for (const [bug, what] of Object.entries(BUGS) as [Bug, string][]) {
    test(`the model notices when ${what}`, async (t) => {
      const system = await ModelSystem.open(t, 1, bug)
      const property = fc.asyncProperty(steps, (history) => system.check(history, { settleMs: 8_000 }))
      const { failed, errorInstance } = await fc.check(property, {
        numRuns: PLANTED_RUNS,
        endOnFailure: true,
        examples: [[LIKELY[bug]]],
      })
      t.diagnostic(String(errorInstance).split('\n')[0] ?? '')
      assert.ok(failed)
      await system.close()
    })
  }
})
