import { execFileSync } from 'node:child_process'
import type { TestCluster } from '../../../src/data/failover/fixtures/cluster.ts'
import { nodePlaces } from '../../../src/data/failover/places.ts'
import { type ProcessIdentity, processesIn } from '../../../src/data/postgres/process.ts'

/** The process of a node that has such a title; undefined when there is none. */
export function partOf(
  { options }: Pick<TestCluster, 'options'>,
  id: string,
  title: RegExp,
): ProcessIdentity | undefined {
  return processesIn(nodePlaces(options, id).dataDir).find((one) => title.test(titleOf(one)))
}

function titleOf({ pid }: ProcessIdentity): string {
  try {
    return execFileSync('ps', ['-o', 'args=', '-p', String(pid)], { encoding: 'utf8' })
  } catch {
    return '' // it has ended
  }
}
