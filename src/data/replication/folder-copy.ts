import { constants } from 'node:fs'
import { chown, copyFile, lstat, mkdir, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Account } from '../postgres/account.ts'
import { REPLICATION_FILE } from '../postgres/settings.ts'
import { freeAt, NoRoomForCopy, sizeOf, takenBy } from './room.ts'

/** Files copied at once. */
const AT_ONCE = 8
/** Bytes from which on a file counts while it is copied: what the others take together is small beside what stays free. */
const LARGE = 2 ** 20

/** Folders whose content belongs to the running server alone, as in PostgreSQL's own base backup. */
const EMPTY = new Set([
  'pg_dynshmem',
  'pg_notify',
  'pg_replslot',
  'pg_serial',
  'pg_snapshots',
  'pg_stat_tmp',
  'pg_subtrans',
  'pg_wal',
  'pgsql_tmp',
])
const LEFT_OUT = new Set([
  'backup_label',
  'backup_label.old',
  'backup_manifest',
  'current_logfiles',
  'postmaster.opts',
  'postmaster.pid',
  'recovery.signal',
  'standby.signal',
  'tablespace_map',
  'tablespace_map.old',
  REPLICATION_FILE,
])
const CONTROL = 'global/pg_control'

/** Where a copy is. */
export interface CopyProgress {
  files: number
  bytes: number
}

export interface CopyOptions {
  readonly from: string
  /** Must not exist. */
  readonly to: string
  readonly account: Account
  readonly signal: AbortSignal
  readonly progress: CopyProgress
  /** Bytes that stay free on its disk. */
  readonly reserve: number
}

/** Bytes that a copy of a data folder takes at present. @throws the signal's reason */
export async function copySize(from: string, signal: AbortSignal): Promise<number> {
  let bytes = 0
  for await (const { path, folder } of walk(from, '')) {
    signal.throwIfAborted()
    if (!folder) bytes += await sizeOf(join(from, path))
  }
  return bytes
}

/**
 * Copies the files of a running server between `pg_backup_start` and `pg_backup_stop`, without its log: the standby
 * gets that by streaming. Files come and go meanwhile, and may be torn: replaying the log from the backup's start mends them.
 *
 * @throws Error when there is a tablespace: both servers would write to the same files
 * @throws NoRoomForCopy when others have used up the room meanwhile
 */
export async function copyDataFolder(options: CopyOptions): Promise<void> {
  const { from, to, account, signal } = options
  const queue: string[] = []
  for await (const { path, folder } of walk(from, '')) {
    signal.throwIfAborted()
    if (folder) await makeOwn(join(to, path), account)
    else if (path !== CONTROL) queue.push(path)
  }
  for (const folder of ['archive_status', 'summaries']) await makeOwn(join(to, 'pg_wal', folder), account)
  const begun = new Map<string, number>()
  const next = async (): Promise<void> => {
    for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
      signal.throwIfAborted()
      await requireRoom(options, path, begun)
      await copyOne(options, path)
      begun.delete(path)
    }
  }
  const stop = (error: unknown): never => {
    queue.length = 0
    throw error
  }
  // All have ended when this has: whoever is told of a failure removes what they have made.
  const ended = await Promise.allSettled(Array.from({ length: AT_ONCE }, () => next().catch(stop)))
  for (const one of ended) if (one.status === 'rejected') throw one.reason
  // Last, and not in the moment in which it is written: all else may be torn, this file may not.
  await copySteady(options, CONTROL)
}

async function* walk(root: string, path: string): AsyncGenerator<{ path: string; folder: boolean }> {
  yield { path, folder: true }
  for (const entry of await readdir(join(root, path), { withFileTypes: true })) {
    const inner = path === '' ? entry.name : `${path}/${entry.name}`
    if (path === 'pg_tblspc')
      throw new Error(
        `There is a tablespace (${inner}): a replica on this machine would write to the same files. Move its tables to the default tablespace and drop it.`,
      )
    // The log may lie elsewhere, behind a link.
    if (entry.isDirectory() || inner === 'pg_wal') {
      if (EMPTY.has(entry.name)) yield { path: inner, folder: true }
      else yield* walk(root, inner)
    } else if (!LEFT_OUT.has(inner) && !/^(pg_internal\.init|pgsql_tmp|t\d+_\d+)/.test(entry.name))
      yield { path: inner, folder: false }
  }
}

async function makeOwn(dir: string, account: Account): Promise<void> {
  await mkdir(dir, { mode: 0o700 })
  if (account.steppedDown) await chown(dir, account.uid, account.gid)
}

/**
 * The disk belongs to servers that serve: their next write must not be the one that fails.
 * @param begun sizes of large files that are copied at the same time: what is not written of them yet is not free
 */
async function requireRoom(
  { from, to, reserve }: CopyOptions,
  path: string,
  begun: Map<string, number>,
): Promise<void> {
  const own = await sizeOf(join(from, path))
  // Before anything is looked at: of two that begin at once each has to see the other.
  if (own >= LARGE) begun.set(path, own)
  const others = [...begun].filter(([one]) => one !== path)
  const free = await freeAt(to)
  const left = others.map(async ([one, size]) => Math.max(0, size - (await takenBy(join(to, one)))))
  const needed = (await Promise.all(left)).reduce((sum, bytes) => sum + bytes, own + reserve)
  if (free < needed) throw new NoRoomForCopy({ needed, free })
}

async function copyOne({ from, to, account, progress }: CopyOptions, path: string): Promise<void> {
  const target = join(to, path)
  try {
    await copyFile(join(from, path), target, constants.COPYFILE_FICLONE)
  } catch (error) {
    // Dropped meanwhile; the log says so, too.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return
    throw error
  }
  if (account.steppedDown) await chown(target, account.uid, account.gid)
  const { size } = await lstat(target)
  progress.files += 1
  progress.bytes += size
}

async function copySteady(options: CopyOptions, path: string): Promise<void> {
  const source = join(options.from, path)
  for (;;) {
    const before = await readFile(source)
    await copyOne(options, path)
    const copied = await readFile(join(options.to, path))
    if (copied.equals(before) && copied.equals(await readFile(source))) return
  }
}
