import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { rename } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { replaceFile } from '../postgres/files.ts'
import { makeRecordDir, recordDirOf } from '../postgres/record.ts'

/** The data folder of an old primary after a failover that may have lost something. */
export const lostFolder = (dataDir: string, epoch: number): string => `${dataDir}.lost-${epoch}`

const noteOf = (kept: string): string => join(recordDirOf(kept), 'lost.json')

/**
 * Puts a data folder, with what lies beside it, out of the way, and notes that something may be lost; goes on where an earlier
 * attempt was cut short. The note is made for a folder that is not there, too: it may be found again.
 * @param lostFrom the first transaction (`xid8`) that had not ended for the new primary
 * @returns whether the folder was there
 */
export async function keepFolder(dataDir: string, kept: string, lostFrom: string): Promise<boolean> {
  if (existsSync(dataDir) && !existsSync(kept)) await rename(dataDir, kept)
  if (!existsSync(recordDirOf(kept)) && existsSync(recordDirOf(dataDir)))
    await rename(recordDirOf(dataDir), recordDirOf(kept))
  makeRecordDir(kept)
  replaceFile(noteOf(kept), `${JSON.stringify({ lostFrom })}\n`)
  return existsSync(kept)
}

/** The first transaction (`xid8`) of a kept folder that the new primary cannot have had. */
export function lostFromOf(kept: string): bigint {
  const { lostFrom } = JSON.parse(readFileSync(noteOf(kept), 'utf8')) as { lostFrom: string }
  return BigInt(lostFrom)
}

/** All folders that were kept beside a cluster's first data folder, or should have been and were not there; the oldest first. */
export function lostFolders(dataDir: string): string[] {
  const dir = dirname(dataDir)
  if (!existsSync(dir)) return []
  const name = new RegExp(`^(${basename(dataDir)}(?:-pg-\\d+)?\\.lost-(\\d+))(?:\\.tenfold)?$`)
  const epochs = new Map<string, number>()
  for (const entry of readdirSync(dir)) {
    const [, folder, epoch] = name.exec(entry) ?? []
    if (folder !== undefined) epochs.set(join(dir, folder), Number(epoch))
  }
  return [...epochs].toSorted(([, one], [, other]) => one - other).map(([path]) => path)
}
