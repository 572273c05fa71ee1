import { chmodSync, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { chooseAccount } from '../../../src/data/postgres/account.ts'
import { findBinaries } from '../../../src/data/postgres/binaries.ts'
import { ClusterCache } from '../../../src/testing/cluster-cache.ts'
import { dataDirIn } from '../../../src/testing/folder.ts'

const STATE_MODE = 0o700

/**
 * Gives a new state folder the data folder that `initdb` would make, from the copy that test servers keep: for tests
 * that are not about a first start, which spend half a second of a processor on it. Without a copy, or where there
 * is a state folder, nothing happens, and a start makes what is missing.
 */
export async function spareInitdb(state: string): Promise<void> {
  if (existsSync(state)) return
  mkdirSync(state, { recursive: true, mode: STATE_MODE })
  chmodSync(state, STATE_MODE)
  await spareInitdbOf(join(state, 'pg', 'c0'))
}

/** The same for one data folder, of a cluster without a state folder around it. */
export async function spareInitdbOf(dataDir: string): Promise<void> {
  const pgBin = process.env.TENFOLD_TEST_PG_BIN
  const { version, dir } = await findBinaries({ pgBin, account: chooseAccount(dataDir) })
  const copied = `${dataDir}.copied`
  mkdirSync(dirname(dataDir), { recursive: true })
  if (new ClusterCache({ version, binDir: dir }).restore(copied)) {
    renameSync(dataDirIn(copied), dataDir)
    renameSync(`${dataDirIn(copied)}.tenfold`, `${dataDir}.tenfold`)
  }
  rmSync(copied, { recursive: true, force: true })
}
