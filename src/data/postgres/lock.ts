import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { DataFolderInUse } from './errors.ts'

const SQLITE_BUSY = 5

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
  const database = new DatabaseSync(join(recordDir, 'lock'), { timeout: 0 })
  try {
    database.exec('BEGIN EXCLUSIVE')
  } catch (error) {
    database.close()
    if ((error as { errcode?: number }).errcode !== SQLITE_BUSY) throw error
    throw new DataFolderInUse(dataDir, readOwner(ownerFile), { cause: error })
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
