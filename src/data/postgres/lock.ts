import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { DataFolderInUse, DataFolderUnwritable } from './errors.ts'

/** SQLite's result codes that say more than the call that failed. */
const BUSY = 5
const UNWRITABLE = new Map([
  [8, 'the file system or the file is read-only'],
  [10, 'the disk failed to read or write'],
  [14, 'the lock file cannot be opened'],
])

/**
 * Makes this process the only owner of a data folder until `release`, or until it dies in whatever way.
 *
 * The lock is the operating system's file lock, which the kernel drops with the process: no stale files, and no
 * process id that another process may have by now, also across containers that share the folder. Node has no
 * call for file locks; its SQLite takes one when a transaction begins, so an empty database serves as lock file.
 * The owner's id beside it only serves the error message.
 */
export function takeLock(recordDir: string, dataDir: string): { release(): void } {
  const ownerFile = join(recordDir, 'owner')
  const file = join(recordDir, 'lock')
  let database: DatabaseSync | undefined
  try {
    database = new DatabaseSync(file, { timeout: 0 })
    database.exec('BEGIN EXCLUSIVE')
  } catch (error) {
    database?.close()
    const code = (error as { errcode?: number }).errcode ?? 0
    if (code === BUSY) throw new DataFolderInUse(dataDir, readOwner(ownerFile), { cause: error })
    const cause = UNWRITABLE.get(code)
    if (cause !== undefined) throw new DataFolderUnwritable(file, cause, { cause: error })
    throw error
  }
  writeFileSync(ownerFile, `${process.pid}\n`, { mode: 0o600 })
  return {
    release: () => {
      rmSync(ownerFile, { force: true })
      database.close()
    },
  }
}

function readOwner(file: string): number | undefined {
  try {
    const pid = Number.parseInt(readFileSync(file, 'utf8'), 10)
    return Number.isInteger(pid) ? pid : undefined
  } catch {
    return undefined
  }
}
