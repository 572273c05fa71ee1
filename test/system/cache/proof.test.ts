import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { MemoryLevel } from '../../../src/cache/level.ts'
import type { DeliveredEffects, FollowerPosition } from '../../../src/core/effects.ts'
import { chooseSeed, Dice, LONG } from '../kit/seed.ts'
import { type ByHand, byHand } from './by-hand.ts'
import { violations } from './history.ts'
import { startPairs } from './workload.ts'

const OPERATIONS = LONG ? 250_000 : 25_000
/** A planted bug has to show within so many. */
const OPERATIONS_TO_FIND = 15_000
const SESSIONS = 40

async function violationsOf(t: TestContext, planted: ByHand, operations: number): Promise<string[]> {
  const seed = chooseSeed()
  t.diagnostic(`TENFOLD_SEED=${seed}`)
  const door = await byHand(t, planted)
  const workload = startPairs(door, new Dice(seed), SESSIONS, operations)
  await workload.done
  t.diagnostic((await door.reads()).match(/^cache_(reads|loads)_total.*$/gm)?.join(' ') ?? '')
  return violations(workload.history)
}

for (const clusters of [1, 2])
  for (const commits of ['own', "another's"] as const)
    test(`${commits} commits on ${clusters} cluster(s): nothing too old`, async (t) => {
      const found = await violationsOf(t, { clusters, commits }, OPERATIONS)
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

const PLANTED: Readonly<Record<string, ByHand>> = {
  'delete instead of floor': { clusters: 1, commits: "another's", level: DeletesInsteadOfFloors },
  'a waiter takes any load': { clusters: 1, commits: "another's", level: SharesAnything },
  'a position that is too far': { clusters: 1, commits: "another's", level: PositionTooFar },
  'upto is not in the token': { clusters: 1, commits: "another's", forgetUpto: true },
}

for (const [name, planted] of Object.entries(PLANTED))
  test(`planted bug is caught: ${name}`, async (t) => {
    assert.notEqual((await violationsOf(t, planted, OPERATIONS_TO_FIND)).length, 0)
  })
