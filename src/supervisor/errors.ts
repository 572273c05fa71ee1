import { TenfoldError } from '../core/errors.ts'

/** A system already runs on this state folder. */
export class AlreadyRunning extends TenfoldError {
  readonly code = 'TENFOLD_ALREADY_RUNNING'
  constructor(folder: string, pid: number | undefined, url: string | undefined, options?: ErrorOptions) {
    const owner = pid === undefined ? '' : ` (process ${pid}${url === undefined ? '' : `, ${url}`})`
    super(
      `A system already runs on ${folder}${owner}.`,
      `Stop it with \`tenfold stop --data ${folder}\`, or start this one on another folder with --data DIR.`,
      options,
    )
  }
}

/** No system runs on this state folder. */
export class NotRunning extends TenfoldError {
  readonly code = 'TENFOLD_NOT_RUNNING'
  constructor(folder: string, options?: ErrorOptions) {
    super(
      `Nothing runs on ${folder}.`,
      'Start it with `tenfold start`, or name the folder of a running system with --data DIR.',
      options,
    )
  }
}

/** A system runs, but its control socket does not answer as it should. */
export class ControlFailed extends TenfoldError {
  readonly code = 'TENFOLD_CONTROL_FAILED'
}

/** `.tenfold/tenfold.json` or another file of ours in the state folder cannot be understood. */
export class StateFolderCorrupt extends TenfoldError {
  readonly code = 'TENFOLD_STATE_CORRUPT'
}

/** The state folder was written by a newer Tenfold. */
export class StateFolderNewer extends TenfoldError {
  readonly code = 'TENFOLD_STATE_NEWER'
}

/** A configuration file, an environment variable or a flag is wrong. */
export class ConfigInvalid extends TenfoldError {
  readonly code = 'TENFOLD_CONFIG_INVALID'
}

/** A part of the ladder that this version does not have yet. */
export class StageUnavailable extends TenfoldError {
  readonly code = 'TENFOLD_STAGE_UNAVAILABLE'
}

/** There is no application where we looked, or the module does not export one. */
export class AppMissing extends TenfoldError {
  readonly code = 'TENFOLD_APP_MISSING'
}

/** The application's module throws while it is imported, or does not parse. */
export class AppBroken extends TenfoldError {
  readonly code = 'TENFOLD_APP_BROKEN'
}

/** The server process ended before it was ready, without saying why. */
export class ServerDied extends TenfoldError {
  readonly code = 'TENFOLD_SERVER_DIED'
}

/** A stop took longer than it may. */
export class StopTimeout extends TenfoldError {
  readonly code = 'TENFOLD_STOP_TIMEOUT'
}

/** A PostgreSQL given by URL does not answer, or lets us not in. */
export class DatabaseUnreachable extends TenfoldError {
  readonly code = 'TENFOLD_DATABASE_UNREACHABLE'
  override readonly status = 503
}

/** A PostgreSQL given by URL is of a version that lacks what we use. */
export class DatabaseTooOld extends TenfoldError {
  readonly code = 'TENFOLD_DATABASE_TOO_OLD'
  constructor(address: string, version: string) {
    super(
      `The database at ${address} is PostgreSQL ${version}; Tenfold needs 15 or newer.`,
      'Upgrade that server, or give the URL of a newer one. Nothing was changed.',
    )
  }
}

/** `migrate`, `types`, `sql` or `doctor` on a folder in which no database was ever made. */
export class NoDatabase extends TenfoldError {
  readonly code = 'TENFOLD_NO_DATABASE'
  constructor(folder: string, app: string | undefined) {
    super(
      app === undefined
        ? `There is no database in ${folder}.`
        : `There is no database of ${app} in ${folder}.`,
      'Start the app once (`tenfold start`), or name another folder with --data DIR, or a database with --database URL.',
    )
  }
}

/** No log was ever written in this state folder. */
export class NoLogs extends TenfoldError {
  readonly code = 'TENFOLD_NO_LOGS'
  constructor(folder: string) {
    super(
      `There are no logs in ${folder}.`,
      'Start a system there first, or name the right folder with --data DIR.',
    )
  }
}

/** There is no node, or tier, of this name. */
export class NodeUnknown extends TenfoldError {
  readonly code = 'TENFOLD_NODE_UNKNOWN'
  override readonly status = 404
  constructor(id: string, known: readonly string[], right: string | undefined) {
    super(
      `There is no node ${JSON.stringify(id)}.`,
      right === undefined
        ? `Known are ${known.join(', ')}.`
        : `Did you mean ${right}? Known are ${known.join(', ')}.`,
    )
  }
}

/** A node was restarted, and is not back. */
export class RestartFailed extends TenfoldError {
  readonly code = 'TENFOLD_RESTART_FAILED'
  override readonly status = 409
  constructor(id: string, why: string | undefined) {
    super(
      `${id} was ended, and its new process ended before it served${why === undefined ? '.' : `: ${why}`}`,
      `It is started again until it serves. See \`tenfold logs --node ${id}\`.`,
    )
  }
}

/** The running system will not do what it was asked to. */
export class OperationRefused extends TenfoldError {
  readonly code = 'TENFOLD_OPERATION_REFUSED'
  override readonly status = 409
}

/** A state folder that cannot be run at this stage. */
export class StageRefused extends TenfoldError {
  readonly code = 'TENFOLD_STAGE_REFUSED'
}
