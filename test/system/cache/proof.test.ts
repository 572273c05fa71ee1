import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { type LevelOptions, MemoryLevel } from '../../../src/cache/level.ts'
import { systemClock } from '../../../src/core/clock.ts'
import type { DeliveredEffects, FollowerPosition } from '../../../src/core/effects.ts'
import { chooseSeed, Dice, LONG } from '../kit/seed.ts'
import { type ByHand, byHand } from './by-hand.ts'
import { BOUND_MS, violations } from './history.ts'
import { startPairs } from './workload.ts'

const OPERATIONS = LONG ? 250_000 : 6_000
/** A planted bug has to show within so many. */
const OPERATIONS_TO_FIND = 15_000
/** Operations between two looks at what was answered so far. */
const PART = 1_500
const SESSIONS = 40

interface Run extends ByHand {
  /** In the midst of the work nobody delivers any more. */
  readonly relayEnds?: true
  /** Whether sessions keep tokens, which alone would keep them from much that is old. */
  readonly tokens?: boolean
}

async function violationsOf(t: TestContext, planted: Run, operations: number): Promise<string[]> {
  const seed = chooseSeed()
  t.diagnostic(`TENFOLD_SEED=${seed}`)
  const door = await byHand(t, planted)
  const { tokens = true } = planted
  const workload = startPairs(door, new Dice(seed), {
    sessions: SESSIONS,
    operations: planted.relayEnds ? Number.POSITIVE_INFINITY : operations,
    tokens,
  })
  if (planted.relayEnds) {
    await workload.progress(OPERATIONS_TO_FIND / 10)
    await door.stopRelay()
    // Time is what does the harm here: enough to be found older than the bound, several times over.
    await systemClock.sleep(3 * BOUND_MS)
  }
  // What is wrong already need not go on.
  while (!planted.relayEnds && workload.answered() < operations && violations(workload.history).length === 0)
    await Promise.race([workload.progress(PART), workload.done])
  workload.end()
  await workload.done
  t.diagnostic((await door.reads()).match(/^cache_(reads|loads)_total.*$/gm)?.join(' ') ?? '')
  return violations(workload.history)
}

for (const clusters of [1, 2])
  for (const commits of LONG || clusters === 1 ? (['own', "another's"] as const) : (["another's"] as const))
    test(`${commits} commits on ${clusters} cluster(s): nothing too old`, async (t) => {
      const found = await violationsOf(t, { clusters, commits }, OPERATIONS)
      assert.deepEqual(found.slice(0, 10), [])
    })

for (const clusters of [1, 2])
  for (const tokens of LONG ? [true, false] : [clusters === 1])
    test(`case 21: the relay ends; nothing too old, ${tokens ? 'with' : 'without'} tokens on ${clusters} cluster(s)`, async (t) => {
      const run: Run = { clusters, commits: "another's", relayEnds: true, tokens }
      const found = await violationsOf(t, run, OPERATIONS)
      assert.deepEqual(found.slice(0, 10), [])
    })

class DeletesInsteadOfFloors extends MemoryLevel {
  override apply(_cluster: string, batch: readonly DeliveredEffects[]): void {
    for (const { effects } of batch) for (const text of effects.invalidate ?? []) this.forget(text)
  }
}
class SharesAnything extends MemoryLevel {
  override mayShare(): boolean {
    return true
  }
}
/** As if the log had been looked at after the effects: what came in between counts as applied. */
class PositionTooFar extends MemoryLevel {
  override advance(cluster: string, position: FollowerPosition): void {
    super.advance(cluster, { ...position, lsn: position.lsn + 4096n })
  }
}

class WithoutBound extends MemoryLevel {
  constructor(options: LevelOptions) {
    super({ ...options, boundMs: Number.POSITIVE_INFINITY })
  }
}

const PLANTED: Readonly<Record<string, Run>> = {
  'delete instead of floor': { clusters: 1, commits: "another's", level: DeletesInsteadOfFloors },
  'a waiter takes any load': { clusters: 1, commits: "another's", level: SharesAnything },
  'a position that is too far': { clusters: 1, commits: "another's", level: PositionTooFar },
  'upto is not in the token': { clusters: 1, commits: "another's", forgetUpto: true },
  'a level that answers without a relay': {
    clusters: 1,
    commits: "another's",
    level: WithoutBound,
    relayEnds: true,
    tokens: false,
  },
}

for (const [name, planted] of Object.entries(PLANTED))
  test(`planted bug is caught: ${name}`, async (t) => {
    assert.notEqual((await violationsOf(t, planted, OPERATIONS_TO_FIND)).length, 0)
  })
