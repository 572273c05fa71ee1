import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { rename } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { replaceFile } from '../postgres/files.ts'
import { makeRecordDir, recordDirOf } from '../postgres/record.ts'

/** The data folder of an old primary after a failover that may have lost something. */
export const lostFolder = (dataDir: string, epoch: number): string => `${dataDir}.lost-${epoch}`

/** Numbers of transactions (`xid8`), see {@link LostXids}. */
export interface LossNote {
  readonly lostFrom: string
  readonly oldest?: string | undefined
}

const noteOf = (kept: string): string => join(recordDirOf(kept), 'lost.json')

/**
 * Puts a data folder, with what lies beside it, out of the way, and notes that something may be lost; goes on where an earlier
 * attempt was cut short. The note is made for a folder that is not there, too: it may be found again.
 * @returns whether the folder was there
 */
export async function keepFolder(dataDir: string, kept: string, note: LossNote): Promise<boolean> {
  if (existsSync(dataDir) && !existsSync(kept)) await rename(dataDir, kept)
  if (!existsSync(recordDirOf(kept)) && existsSync(recordDirOf(dataDir)))
    await rename(recordDirOf(dataDir), recordDirOf(kept))
  makeRecordDir(kept)
  replaceFile(noteOf(kept), `${JSON.stringify(note)}\n`)
  return existsSync(kept)
}

/** What the transactions (`xid8`) of a kept folder are to the new primary. */
export interface LostXids {
  /** The first that it cannot have had. */
  readonly lostFrom: bigint
  /** The first of those before that had not ended for it. */
  readonly oldest: bigint
}

export function lostXidsOf(kept: string): LostXids {
  const { lostFrom, oldest = lostFrom } = JSON.parse(readFileSync(noteOf(kept), 'utf8')) as LossNote
  return { lostFrom: BigInt(lostFrom), oldest: BigInt(oldest) }
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
