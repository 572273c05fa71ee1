import { DiskFull, isDiskFull } from '../../core/disk-full.ts'
import type { TenfoldError } from '../../core/errors.ts'
import {
  DataFolderCorrupt,
  DataFolderUnwritable,
  DataFolderVersion,
  PostgresFailed,
  PostgresPortTaken,
  tailText,
} from './errors.ts'

type Case = readonly [pattern: RegExp, make: (dataDir: string, line: string, tail: string) => TenfoldError]

/** First match wins: a full disk also makes PostgreSQL panic, and a panic alone does not mean damage. */
const CASES: readonly Case[] = [
  [
    /No space left on device|Disk quota exceeded|File too large|wrote only \d+ of \d+|Check free disk space/i,
    (dataDir, _, tail) => new DiskFull(dataDir, { detail: tailText(tail) }),
  ],
  [
    /was initialized by PostgreSQL version/i,
    (dataDir, line) =>
      new DataFolderVersion(
        `The data folder ${dataDir} was made by another version of PostgreSQL: ${line}`,
        'Start it with the PostgreSQL that made it (--pg-bin), or upgrade a copy with pg_upgrade.',
      ),
  ],
  [
    /Address already in use|could not bind|lock file ".*\.s\.PGSQL/i,
    (_, line) =>
      new PostgresPortTaken(`PostgreSQL cannot listen: ${line}`, 'Free the port, or choose another.'),
  ],
  [
    /control file|server configuration file|could not access status of transaction|database files are incompatible with server|invalid .*checksum|incorrect checksum|could not locate (a valid|required) checkpoint record|invalid primary checkpoint|is not a valid data directory|PG_VERSION|invalid magic number|could not open file "(global|base|pg_wal|pg_xact)|could not open directory "pg_/i,
    (dataDir, line, tail) => new DataFolderCorrupt(dataDir, line, tail),
  ],
  [/Read-only file system|Permission denied/i, (dataDir, line) => new DataFolderUnwritable(dataDir, line)],
]

const SEVERE = /(FATAL|PANIC|initdb: error|error while loading|ERROR|could not|terminated by signal)/

/** The error that best fits what PostgreSQL printed before it ended. */
export function explainFailure(dataDir: string, output: string, fallback: string): TenfoldError {
  const lines = output.split('\n').map((line) => line.trim())
  const severe = lines.filter((line) => SEVERE.test(line))
  for (const [pattern, make] of CASES) {
    const line = severe.find((text) => pattern.test(text))
    if (line !== undefined) return make(dataDir, strip(line), output)
  }
  const last = severe.at(-1)
  return new PostgresFailed(last === undefined ? fallback : strip(last), output)
}

/** Without the time and process id in front. */
const strip = (line: string): string => line.replace(/^.*?\b(FATAL|PANIC|ERROR|LOG|error):\s*/, '')

/** The error that best fits a failed system call on `path`; other errors come back as they are. */
export function explainSystemError(error: unknown, path: string): unknown {
  const code = (error as NodeJS.ErrnoException | undefined)?.code
  const at = (error as NodeJS.ErrnoException | undefined)?.path ?? path
  if (isDiskFull(error)) return new DiskFull(at, { cause: error })
  const cause = code === undefined ? undefined : UNWRITABLE[code]
  return cause === undefined ? error : new DataFolderUnwritable(at, cause, { cause: error })
}

const UNWRITABLE: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'operation not permitted',
  EROFS: 'the file system is read-only',
  ENOTDIR: 'a part of the path is not a folder',
  EEXIST: 'a file is where a folder should be',
}
