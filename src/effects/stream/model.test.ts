import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Planted } from '../fixtures/model/postgres.ts'
import { type PlantedStream, SplitWorld } from '../fixtures/model/split-world.ts'
import { type Action, Violation } from '../fixtures/model/world.ts'

const LONG = process.env.TENFOLD_TEST_LONG === '1'
const RUNS = LONG ? 5_000 : 80

const actions = fc.array(fc.tuple(fc.nat(SplitWorld.HAPPENINGS.length - 1), fc.nat(99), fc.nat(99)), {
  minLength: 200,
  maxLength: 600,
  size: 'max',
})

interface Bugs {
  readonly relay?: Planted
  readonly stream?: PlantedStream
}

async function live(steps: readonly Action[], planted?: Bugs): Promise<SplitWorld> {
  const world = new SplitWorld(2, planted)
  try {
    await world.run(steps)
    // A bug that was planted may well keep things from ending; it is to be caught in the act.
    if (!planted) await world.settle()
    return world
  } finally {
    await world.stop()
  }
}

test('two relays and two processes, in any order of messages, cuts, stops and thaws: nobody is told anything stale', async (t) => {
  let hits = 0
  let thaws = 0
  await fc.assert(
    fc.asyncProperty(actions, async (steps) => {
      const world = await live(steps)
      hits += world.hits
      thaws += world.thaws
    }),
    { numRuns: RUNS },
  )
  t.diagnostic(`${hits} answers from a level, ${thaws} leaders thawed`)
  assert.ok(hits > RUNS, `levels answered ${hits} times: too few to prove anything`)
  assert.ok(thaws > RUNS / 10, `${thaws} leaders were thawed: too few to prove anything`)
})

const PLANTED: readonly Bugs[] = [
  { stream: 'acknowledged before it is applied' },
  { stream: 'no reset on reconnect' },
  { stream: "the age counts from the position's receipt" },
  { stream: 'the newest tick instead of the one before' },
  { stream: 'deleted before it is acknowledged' },
  { relay: 'a lock outlives its session' },
  { relay: 'deleted before delivery' },
]
for (const planted of PLANTED)
  test(`a planted bug is caught: ${planted.stream ?? planted.relay}`, async () => {
    const details = await fc.check(
      fc.asyncProperty(actions, async (steps) => void (await live(steps, planted))),
      { numRuns: 3_000, endOnFailure: true, seed: 1 },
    )
    assert.ok(details.failed, 'nobody noticed')
    assert.ok(details.errorInstance instanceof Violation, String(details.errorInstance))
  })
