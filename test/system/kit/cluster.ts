import { existsSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import {
  LOST,
  type TestCluster,
  type TestClusterOptions,
  testCluster,
} from '../../../src/data/failover/fixtures/cluster.ts'
import { nodePlaces } from '../../../src/data/failover/places.ts'
import { spareInitdbOf } from './spare-initdb.ts'

/** A test's cluster that is spared `initdb`: for tests that are not about a first start. */
export const sparedCluster = (t: TestContext, options: TestClusterOptions = {}): Promise<TestCluster> =>
  testCluster(t, {
    ...options,
    // The first that happens in its folder.
    links: async (plain) => {
      await spareInitdbOf(plain.dataDir)
      return options.links?.(plain)
    },
  })

/**
 * Kills a node, and its data folder is gone. It is put aside: what the kernel keeps of a killed server, shared memory above all, is found
 * by the folder, and given back with it at the end of the test.
 */
export function loseFolder({ current, options, dir }: TestCluster, id: string): void {
  current().fault(id, 'kill')
  let times = 1
  while (existsSync(lost(dir, id, times))) times++
  renameSync(nodePlaces(options, id).dataDir, lost(dir, id, times))
}

const lost = (dir: string, id: string, times: number): string => join(dir, `${LOST}${id}-${times}`)
