import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { rename } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { replaceFile } from '../postgres/files.ts'
import { recordDirOf } from '../postgres/record.ts'

/** The data folder of an old primary after a failover that may have lost something. */
export const lostFolder = (dataDir: string, epoch: number): string => `${dataDir}.lost-${epoch}`

const noteOf = (kept: string): string => join(recordDirOf(kept), 'lost.json')

/**
 * Puts a data folder, with what lies beside it, out of the way; goes on where an earlier attempt was cut short.
 * @param lostFrom the first transaction (`xid8`) that had not ended for the new primary
 * @returns whether there was one
 */
export async function keepFolder(dataDir: string, kept: string, lostFrom: string): Promise<boolean> {
  if (existsSync(dataDir) && !existsSync(kept)) await rename(dataDir, kept)
  if (!existsSync(kept)) return false
  if (!existsSync(recordDirOf(kept))) {
    if (!existsSync(recordDirOf(dataDir))) return true
    await rename(recordDirOf(dataDir), recordDirOf(kept))
  }
  replaceFile(noteOf(kept), `${JSON.stringify({ lostFrom })}\n`)
  return true
}

/** The first transaction (`xid8`) of a kept folder that the new primary cannot have had. */
export function lostFromOf(kept: string): bigint {
  const { lostFrom } = JSON.parse(readFileSync(noteOf(kept), 'utf8')) as { lostFrom: string }
  return BigInt(lostFrom)
}

/** All folders that were kept beside a cluster's first data folder, the oldest first. */
export function lostFolders(dataDir: string): string[] {
  const dir = dirname(dataDir)
  if (!existsSync(dir)) return []
  const name = new RegExp(`^${basename(dataDir)}(-pg-\\d+)?\\.lost-(\\d+)$`)
  return readdirSync(dir)
    .flatMap((entry) => {
      const match = name.exec(entry)
      return match === null ? [] : [{ path: join(dir, entry), epoch: Number(match[2]) }]
    })
    .toSorted((one, other) => one.epoch - other.epoch)
    .map(({ path }) => path)
}
