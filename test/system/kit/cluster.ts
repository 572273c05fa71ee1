import { existsSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { LOST, type TestCluster } from '../../../src/data/failover/fixtures/cluster.ts'
import { nodePlaces } from '../../../src/data/failover/places.ts'

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
