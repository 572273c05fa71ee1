import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { replaceFile } from '../data/postgres/files.ts'
import { StateFolderCorrupt, StateFolderNewer } from './errors.ts'
import { explainFolderError } from './folder-error.ts'

/** Raised when the folder's layout changes in a way that an older version would misread. */
export const STATE_FORMAT = 1

export const DEFAULT_FOLDER = '.tenfold'

/** Where things lie in a state folder. */
export interface StateFolder {
  readonly path: string
  /** Data folder of the embedded PostgreSQL. */
  readonly pg: string
  /** PostgreSQL's Unix socket, when the path is short enough. */
  readonly run: string
  readonly secrets: string
  /** What `system.blobs` stores. */
  readonly blobs: string
  /** Bodies of requests that are being handled; nothing in it outlives its request. */
  readonly spool: string
  /** Folder of all logs. */
  readonly logs: string
  /** Folder of the records of clusters with replicas; see data/failover/record.ts. */
  readonly clusters: string
  readonly serverLog: string
  readonly postgresLog: string
}

/** The places in a folder; touches nothing. */
export function stateFolder(dir: string): StateFolder {
  const path = resolve(dir)
  return {
    path,
    pg: join(path, 'pg', 'c0'),
    run: join(path, 'run'),
    secrets: join(path, 'secrets.json'),
    blobs: join(path, 'blobs'),
    spool: join(path, 'spool'),
    logs: join(path, 'logs'),
    clusters: join(path, 'clusters'),
    serverLog: join(path, 'logs', 'server.log'),
    postgresLog: join(path, 'logs', 'postgres.log'),
  }
}

/**
 * Makes the folder, or checks that it is one of ours in a format that we know.
 *
 * @throws StateFolderCorrupt, StateFolderNewer, DataFolderUnwritable, DiskFull
 */
export function openStateFolder(dir: string): StateFolder {
  const folder = stateFolder(dir)
  const record = join(folder.path, 'tenfold.json')
  try {
    makeFolder(join(folder.path, 'logs'))
    if (existsSync(record)) {
      checkRecord(record, folder.path)
      // A folder that became read-only, or a disk that is full, shows here and not in the midst of the start.
      writeFileSync(join(folder.path, 'logs', '.probe'), 'x'.repeat(4096))
      return folder
    }
    writeFileSync(join(folder.path, '.gitignore'), '*\n')
    replaceFile(record, `${JSON.stringify({ format: STATE_FORMAT })}\n`)
    return folder
  } catch (error) {
    throw explainFolderError(error, folder.path)
  }
}

/**
 * Makes a folder and the ones above it, private. Not by `recursive`: on a read-only file system Node.js then says
 * that a folder is missing instead, and below /proc it never ends.
 */
function makeFolder(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) return
  const parent = dirname(path)
  if (parent !== path) makeFolder(parent)
  try {
    mkdirSync(path, { mode: 0o700 })
  } catch (error) {
    // Another process may have been quicker.
    if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) throw error
  }
}

function checkRecord(file: string, dir: string): void {
  let format: unknown
  try {
    format = (JSON.parse(readFileSync(file, 'utf8')) as { format?: unknown } | null)?.format
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
  }
  if (typeof format !== 'number')
    throw new StateFolderCorrupt(
      `${file} is damaged: it does not name the format of the folder.`,
      `Nothing was changed. Put back {"format":${STATE_FORMAT}} if this version wrote the folder, or use another with --data DIR.`,
    )
  if (format > STATE_FORMAT)
    throw new StateFolderNewer(
      `The state folder ${dir} was written by a newer Tenfold (format ${format}, this one knows ${STATE_FORMAT}).`,
      'Update Tenfold, or use another folder with --data DIR.',
    )
}
