import { TenfoldError } from '../../core/errors.ts'

/** The end of a server's log, to follow a message. */
export const tailText = (logTail: string): string =>
  logTail === '' ? '' : `\nThe last lines of its log:\n${logTail.replace(/^/gm, '  | ')}`

const withTail = (message: string, logTail: string): string => message + tailText(logTail)

/** No PostgreSQL binaries for this platform, or not where `--pg-bin` points. */
export class PostgresMissing extends TenfoldError {
  readonly code = 'TENFOLD_POSTGRES_MISSING'
}

/** The binaries are too old, or cannot be run. */
export class PostgresUnusable extends TenfoldError {
  readonly code = 'TENFOLD_POSTGRES_UNUSABLE'
}

/** Started as root, and there is no way to run PostgreSQL as someone else. */
export class PostgresUserUnusable extends TenfoldError {
  readonly code = 'TENFOLD_POSTGRES_USER'
}

/** Another process owns the data folder. */
export class DataFolderInUse extends TenfoldError {
  readonly code = 'TENFOLD_DATA_IN_USE'
  constructor(dataDir: string, ownerPid: number | undefined, options?: ErrorOptions) {
    const owner = ownerPid === undefined ? 'another process' : `process ${ownerPid}`
    super(
      `The data folder ${dataDir} is in use by ${owner}.`,
      'Stop that process (`tenfold stop`), or use another folder with --data DIR.',
      options,
    )
  }
}

/** The folder holds files that are not ours. */
export class DataFolderUnknown extends TenfoldError {
  readonly code = 'TENFOLD_DATA_UNKNOWN'
}

/** Our record says that a database was here, but it is gone. */
export class DataFolderMissing extends TenfoldError {
  readonly code = 'TENFOLD_DATA_MISSING'
}

/** Written by another version of PostgreSQL or by a newer Tenfold. */
export class DataFolderVersion extends TenfoldError {
  readonly code = 'TENFOLD_DATA_VERSION'
}

/** PostgreSQL finds its own files damaged. */
export class DataFolderCorrupt extends TenfoldError {
  readonly code = 'TENFOLD_DATA_CORRUPT'
  constructor(dataDir: string, cause: string, logTail = '', options?: ErrorOptions) {
    super(
      withTail(`The data folder ${dataDir} is damaged: ${cause}`, logTail),
      'Nothing was changed. Copy the folder away first, then restore a backup, or start afresh with another --data DIR.',
      options,
    )
  }
}

/** The folder cannot be written. */
export class DataFolderUnwritable extends TenfoldError {
  readonly code = 'TENFOLD_DATA_UNWRITABLE'
  constructor(path: string, cause: string, options?: ErrorOptions) {
    super(
      `Cannot write to ${path}: ${cause}.`,
      'Give this user the folder (chown, chmod, mount it read-write), or use another with --data DIR.',
      options,
    )
  }
}

/** The TCP port of `listen` belongs to someone else. */
export class PostgresPortTaken extends TenfoldError {
  readonly code = 'TENFOLD_POSTGRES_PORT'
}

/** PostgreSQL did not start, or ended by itself, for a reason that has no case of its own. */
export class PostgresFailed extends TenfoldError {
  readonly code = 'TENFOLD_POSTGRES_FAILED'
  constructor(cause: string, logTail = '', options?: ErrorOptions) {
    super(
      withTail(`PostgreSQL failed: ${cause}`, logTail),
      'Read the lines of its log above; the whole log is beside the data folder.',
      options,
    )
  }
}

/** PostgreSQL is still not ready after the deadline. */
export class PostgresStartTimeout extends TenfoldError {
  readonly code = 'TENFOLD_POSTGRES_START_TIMEOUT'
  constructor(seconds: number, logTail = '', options?: ErrorOptions) {
    super(
      withTail(`PostgreSQL was not ready after ${seconds} s and was stopped.`, logTail),
      'If it was recovering a large log, start again with more time; recovery goes on where its last checkpoint was.',
      options,
    )
  }
}

/** A server that starts answers nothing, not even that it is starting. */
export class PostgresSilent extends TenfoldError {
  readonly code = 'TENFOLD_POSTGRES_SILENT'
  constructor(seconds: number, logTail = '', options?: ErrorOptions) {
    super(
      withTail(`PostgreSQL answered nothing for ${seconds} s of its start and was ended.`, logTail),
      'Its processes were stopped, or its disk does not answer: look at the disk and at what else the machine does, then start again.',
      options,
    )
  }
}

/** Processes of an earlier server were sent SIGKILL and have not ended yet. */
export class PostgresLingers extends TenfoldError {
  readonly code = 'TENFOLD_POSTGRES_LINGERS'
  constructor(dataDir: string, pids: readonly number[], options?: ErrorOptions) {
    super(
      `On the data folder ${dataDir} processes of an earlier PostgreSQL were killed and have not ended yet: ${pids.join(', ')}.`,
      'The system holds them, mostly in a write to a disk that does not answer. Look at the disk; when they are gone, start again.',
      options,
    )
  }
}

/** `--cpu`, `--memory` or a setting makes no sense. */
export class PostgresSizeInvalid extends TenfoldError {
  readonly code = 'TENFOLD_POSTGRES_SIZE'
  override readonly status = 400
}
