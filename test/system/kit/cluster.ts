import type { TestContext } from 'node:test'
import {
  type TestCluster,
  type TestClusterOptions,
  testCluster,
} from '../../../src/data/failover/fixtures/cluster.ts'
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
