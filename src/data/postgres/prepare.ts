import { chownSync, lchownSync, readdirSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Account } from './account.ts'
import { DataFolderMissing, DataFolderUnwritable } from './errors.ts'
import { makeFolder } from './files.ts'
import { decideFolder, lookAt } from './folder.ts'
import { initialise, newPassword, sweepInitialisations } from './initialise.ts'
import { serverEnvironment } from './launch.ts'
import { type DataRecord, FORMAT, readPassword, readRecord, writePassword, writeRecord } from './record.ts'
import { discardSocketDir, prepareSocketDir, sweepSocketDir } from './socket.ts'

/** A data folder that is whole, and what is needed to start a server on it. */
export interface Prepared {
  readonly record: DataRecord
  readonly password: string
  readonly socketDir: string
  readonly created: boolean
}

/** Makes the data folder if there is none, or checks the one that is there. The caller holds the lock. */
export async function prepareFolder(options: {
  readonly dataDir: string
  readonly runDir: string
  readonly port: number
  readonly account: Account
  readonly binaries: { readonly dir: string; readonly major: number; readonly version: string }
  readonly signal: AbortSignal
  readonly mayInitialise: boolean
  readonly onInitialise: () => void
}): Promise<Prepared> {
  const { dataDir, account, binaries } = options
  makeFolder(dirname(dataDir))
  sweepInitialisations(dataDir)
  const known = readRecord(dataDir)
  let password = readPassword(dataDir)
  const decision = decideFolder(lookAt(dataDir, password !== undefined), known, binaries.major)
  if (decision === 'initialise' && !options.mayInitialise)
    throw new DataFolderMissing(
      `There is no data folder ${dataDir} for a standby: it is copied from its primary.`,
      'Have the replica made again; nothing of the primary is concerned.',
    )
  const socket = prepareSocketDir({ ...options, recorded: known?.socketDir })
  sweepSocketDir(socket.dir)
  const { socketDir: _, ...rest } = known ?? {
    format: FORMAT,
    state: 'initialising' as const,
    pgMajor: binaries.major,
    createdBy: `postgres ${binaries.version}`,
  }
  const recordedDir = socket.toRecord ? socket.dir : known?.socketDir
  const record: DataRecord = { ...rest, ...(recordedDir !== undefined && { socketDir: recordedDir }) }
  if (known === undefined || socket.toRecord || decision === 'initialise') writeRecord(dataDir, record)
  if (decision === 'initialise') {
    options.onInitialise()
    password = newPassword()
    writePassword(dataDir, password)
    try {
      const env = serverEnvironment()
      await initialise({
        ...options,
        binDir: binaries.dir,
        major: binaries.major,
        privateDir: socket.dir,
        password,
        env,
      })
    } catch (error) {
      discardSocketDir(socket.dir, options.runDir)
      throw error
    }
  } else ownFolder(dataDir, account)
  return { record, password: password!, socketDir: socket.dir, created: decision === 'initialise' }
}

/** PostgreSQL insists on owning its folder. Root may have restored it from a backup as its own. */
function ownFolder(dataDir: string, account: Account): void {
  const { uid } = statSync(dataDir)
  if (uid === account.uid) return
  if (!account.steppedDown)
    throw new DataFolderUnwritable(
      dataDir,
      `it belongs to user ${uid}, and PostgreSQL only works on a folder of its own`,
    )
  chownTree(dataDir, account)
  chownSync(dataDir, account.uid, account.gid)
}

function chownTree(dir: string, account: Account): void {
  for (const entry of readdirSync(dir, { withFileTypes: true })) {
    const path = join(dir, entry.name)
    if (entry.isDirectory()) chownTree(path, account)
    lchownSync(path, account.uid, account.gid)
  }
}
