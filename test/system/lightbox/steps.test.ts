import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { chooseSeed, Dice, LONG } from '../kit/seed.ts'
import { Sweep } from './steps/sweep.ts'

/** What the way of a photo consists of. A sweep that does not meet one of them looks at something else than the product. */
const FILES = {
  spool: ['open', 'unlink', 'write'],
  original: ['open', 'write', 'set times', 'sync', 'make folder', 'rename', 'sync folder', 'touch'],
  variant: ['open', 'write', 'set times', 'sync', 'make folder', 'rename', 'sync folder', 'touch'],
}
const TALKS = {
  reserve: ['all'],
  // Its only statement leaves with BEGIN.
  'create photo': ['begin', 'commit'],
  claim: ['all'],
  'keep photo': ['begin', 'statement', 'commit'],
}
const MOMENTS = ['unsent', 'sent', 'answered']
const KINDS = [
  ...Object.entries(FILES).flatMap(([what, steps]) => steps.map((step) => `${what}: ${step}`)),
  ...Object.entries(TALKS).flatMap(([what, trips]) =>
    trips.flatMap((trip) => MOMENTS.map((moment) => `${what}: ${trip} ${moment}`)),
  ),
]

/** The fast form ends the server at these, and at some that are drawn: a process to end takes a second or two. */
const ALWAYS = [
  'spool: write',
  'original: rename',
  ...MOMENTS.map((moment) => `create photo: commit ${moment}`),
  'claim: all answered',
  'variant: rename',
  ...MOMENTS.map((moment) => `keep photo: commit ${moment}`),
]
const DRAWN = 2

async function sweepSome(t: TestContext, sweep: Sweep, dice: Dice): Promise<void> {
  const { steps } = await sweep.run()
  assertComplete(new Set(steps))
  const points = ALWAYS.map((name) => ({ name, nth: 1 }))
  for (let count = 0; count < DRAWN; count++) {
    const at = dice.below(steps.length)
    const name = steps[at]!
    points.push({ name, nth: steps.slice(0, at + 1).filter((step) => step === name).length })
  }
  for (const point of points) {
    const { killed } = await sweep.run(point)
    // How many writes a body takes is up to the network.
    assert.ok(killed || point.nth > 1, `${point.name} was not met`)
  }
  t.diagnostic(`${steps.length} steps, ended at ${points.length} of them`)
}

/** By name: variants are stored side by side, so a step's number among all is another each time. */
async function sweepAll(t: TestContext, sweep: Sweep): Promise<void> {
  const names = new Set((await sweep.run()).steps)
  assertComplete(names)
  let ended = 0
  for (const name of names)
    for (let nth = 1; ; nth++) {
      const { killed } = await sweep.run({ name, nth })
      assert.ok(killed || nth > 1, `${name} was not met`)
      if (!killed) break
      ended++
    }
  t.diagnostic(`ended at each of ${ended} steps`)
}

function assertComplete(met: ReadonlySet<string>): void {
  const missed = KINDS.filter((kind) => !met.has(kind))
  assert.deepEqual(missed, [])
}

describe('the server is ended at each step of an upload and of the job that follows (FAULTS case 27)', () => {
  for (const clusters of LONG ? [1, 2] : [2])
    test(`one answer, one photo, all its variants, nothing left, on ${clusters}`, async (t) => {
      const seed = chooseSeed()
      t.diagnostic(`TENFOLD_SEED=${seed}`)
      const dice = new Dice(seed)
      const sweep = await Sweep.start(t, clusters, dice.branch(0))
      await (LONG ? sweepAll(t, sweep) : sweepSome(t, sweep, dice))
      await sweep.check()
    })
})
