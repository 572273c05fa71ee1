import { execFile } from 'node:child_process'
import { rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import type { Account } from '../postgres/account.ts'
import type { DatabaseAddress } from '../postgres/address.ts'
import { connect, destroy } from '../postgres/database.ts'
import { replaceFile, syncFolder } from '../postgres/files.ts'
import { FORMAT, makeRecordDir, readRecord, writePassword, writeRecord } from '../postgres/record.ts'
import { type CopyProgress, copyDataFolder } from './folder-copy.ts'
import { slotOf } from './settings.ts'

export interface BaseBackup {
  /** The primary that is copied; it goes on serving. */
  readonly primary: DatabaseAddress
  readonly primaryDir: string
  /** The id of the node that is made. */
  readonly id: string
  /** Its data folder. What is there is replaced; the caller has stopped its server. */
  readonly dataDir: string
  readonly account: Account
  readonly signal: AbortSignal
  readonly progress?: CopyProgress
  /** Bytes that stay free on its disk. */
  readonly reserve: number
  /** The copy is whole and on disk, and what is there goes for it when this resolves. Gives it up by an error. */
  readonly replace?: () => Promise<void>
}

/** Where a data folder is made. */
export const copyPlace = (dataDir: string): string => `${dataDir}.copy`

/**
 * Makes the data folder of a standby from a primary that runs on this machine, by PostgreSQL's low-level backup
 * (`pg_backup_start`, files, `pg_backup_stop`). A replication slot keeps the log from then on. Whole or not there: it is
 * made under another name, brought to disk, and renamed.
 */
export async function baseBackup(options: BaseBackup): Promise<void> {
  const { primary, primaryDir, id, dataDir, account } = options
  const temporary = copyPlace(dataDir)
  await rm(temporary, { recursive: true, force: true })
  const client = await connect(primary)
  const lost = new AbortController()
  // A copy of a primary that is gone is of no use, and its disk has better things to do.
  client.on('end', () => lost.abort(new Error('the primary that was copied is gone')))
  const signal = AbortSignal.any([options.signal, lost.signal])
  const aborted = (): void => destroy(client)
  options.signal.addEventListener('abort', aborted, { once: true })
  try {
    await renewSlot(client, slotOf(id))
    await client.query('select pg_backup_start($1, fast => true)', [`replica ${id}`])
    await copyDataFolder({
      from: primaryDir,
      to: temporary,
      account,
      signal,
      progress: options.progress ?? { files: 0, bytes: 0 },
      reserve: options.reserve,
    })
    const { rows } = await client.query<{ labelfile: string }>(
      'select labelfile from pg_backup_stop(wait_for_archive => false)',
    )
    await requireLog(client, slotOf(id))
    const owner = account.steppedDown ? account : undefined
    for (const [name, text] of [
      ['backup_label', rows[0]!.labelfile],
      ['standby.signal', ''],
    ] as const)
      replaceFile(join(temporary, name), text, { ...(owner && { owner }) })
    await toDisk(temporary)
    signal.throwIfAborted()
    await options.replace?.()
    await install(temporary, dataDir)
    record(options)
  } finally {
    options.signal.removeEventListener('abort', aborted)
    await client.end().catch(() => {})
    await rm(temporary, { recursive: true, force: true })
  }
}

type Client = Awaited<ReturnType<typeof connect>>

/** A slot of an earlier life of the node would hold back the log from a place that nobody needs, or be invalid. */
async function renewSlot(client: Client, slot: string): Promise<void> {
  await client.query(
    'select pg_drop_replication_slot(slot_name) from pg_replication_slots where slot_name = $1 and not active',
    [slot],
  )
  await client.query('select pg_create_physical_replication_slot($1, true)', [slot])
}

/** @throws Error when the primary has removed log that the copy needs: no start of it could succeed */
async function requireLog(client: Client, slot: string): Promise<void> {
  const { rows } = await client.query<{ status: string | null }>(
    'select wal_status as status from pg_replication_slots where slot_name = $1',
    [slot],
  )
  const status = rows[0]?.status ?? 'lost'
  if (status === 'lost')
    throw new Error(
      'the primary has removed the log that was written while it was copied: there was no room to keep it',
    )
}

/** A standby's word that a commit is on its disk is worth as much as the files under it. */
async function toDisk(dir: string): Promise<void> {
  // One call for the file system of the folder; macOS knows only that of everything.
  const args = process.platform === 'linux' ? ['-f', dir] : []
  await promisify(execFile)('sync', args)
}

async function install(temporary: string, dataDir: string): Promise<void> {
  await rm(dataDir, { recursive: true, force: true })
  await rename(temporary, dataDir)
  syncFolder(dirname(dataDir))
}

/** What `createPostgres` expects beside a folder that it opens. */
function record({ dataDir, primaryDir, primary, id }: BaseBackup): void {
  const source = readRecord(primaryDir)
  if (source === undefined) throw new Error(`${basename(primaryDir)} has no record beside it`)
  const { socketDir: _, ...rest } = source
  const own = readRecord(dataDir)?.socketDir
  makeRecordDir(dataDir)
  writePassword(dataDir, primary.password)
  writeRecord(dataDir, {
    ...rest,
    format: FORMAT,
    createdBy: `${rest.createdBy}, copied as ${id}`,
    ...(own !== undefined && { socketDir: own }),
  })
}
