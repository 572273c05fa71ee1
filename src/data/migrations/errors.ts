import { TenfoldError } from '../../core/errors.ts'

/** The folder of migrations, or a file in it, cannot be used as it is. */
export class MigrationInvalid extends TenfoldError {
  readonly code = 'TENFOLD_MIGRATION_INVALID'
}

/** A file changed after it was applied. */
export class MigrationEdited extends TenfoldError {
  readonly code = 'TENFOLD_MIGRATION_EDITED'
  constructor(cluster: string, names: readonly string[]) {
    super(
      `${list(names)} changed after being applied to ${cluster}.`,
      'Restore the file from version control, and put the change into a new migration (`tenfold migrate new NAME`).',
    )
  }
}

/** The database knows a migration that the folder does not have. */
export class MigrationMissing extends TenfoldError {
  readonly code = 'TENFOLD_MIGRATION_MISSING'
  constructor(cluster: string, names: readonly string[]) {
    super(
      `${list(names)} was applied to ${cluster}, but the file is gone.`,
      'Restore the file from version control, or run the release of the app that has it.',
    )
  }
}

/** A new file has a number below one that is applied already. */
export class MigrationOutOfOrder extends TenfoldError {
  readonly code = 'TENFOLD_MIGRATION_OUT_OF_ORDER'
  constructor(cluster: string, names: readonly string[], last: string) {
    super(
      `${list(names)} is new, but ${cluster} is already at ${last}.`,
      `Give the file a number above that of ${last}: migrations run in the order of their numbers everywhere.`,
    )
  }
}

/** Where a statement of a migration begins or where PostgreSQL saw the mistake. */
export interface MigrationPlace {
  readonly cluster: string
  readonly file: string
  /** From 1. */
  readonly line: number
  /** From 1, in characters. */
  readonly column: number
}

/** PostgreSQL refused a statement. */
export class MigrationFailed extends TenfoldError {
  readonly code = 'TENFOLD_MIGRATION_FAILED'
  readonly place: MigrationPlace
  /** PostgreSQL's code, e.g. `42703`; undefined when the connection broke. */
  readonly sqlState: string | undefined
  /** The line of the file, with a mark below the column. */
  readonly excerpt: string

  constructor(
    failure: {
      readonly place: MigrationPlace
      readonly sqlState: string | undefined
      readonly excerpt: string
      /** What PostgreSQL added: detail, hint, context. */
      readonly notes: readonly string[]
      readonly transactional: boolean
    },
    cause: Error,
  ) {
    const { place, sqlState, transactional } = failure
    const state = sqlState === undefined ? '' : ` (SQLSTATE ${sqlState})`
    const notes = failure.notes.map((note) => `\n  ${note}`).join('')
    super(
      `${place.file}:${place.line}:${place.column} failed on ${place.cluster}: ${cause.message}${state}\n${failure.excerpt}${notes}`,
      transactional
        ? 'Nothing of this file was applied. Correct it, then migrate again.'
        : 'The file runs without a transaction: the statements before this one stay applied, and a failed CREATE INDEX CONCURRENTLY leaves an invalid index. Clean up, correct it, then migrate again.',
      { cause },
    )
    this.place = place
    this.sqlState = sqlState
    this.excerpt = failure.excerpt
  }
}

/** A session that kept a migration from its lock. */
export interface Blocker {
  readonly pid: number
  /** E.g. `idle in transaction`. */
  readonly state: string
  readonly application: string
  /** The statement that runs or ran last. */
  readonly query: string
}

/** Another session held a lock for longer than `lock_timeout`, at every attempt. */
export class MigrationLocked extends TenfoldError {
  readonly code = 'TENFOLD_MIGRATION_LOCKED'
  readonly place: MigrationPlace
  readonly blockers: readonly Blocker[]

  constructor(place: MigrationPlace, blockers: readonly Blocker[], attempts: number, cause: Error) {
    super(
      `${place.file}:${place.line}:${place.column} did not get its lock on ${place.cluster} in ${attempts} attempts; ${describe(blockers)}.`,
      blockers.length > 0
        ? `Wait for that session, or end it (\`select pg_terminate_backend(${blockers[0]?.pid})\`), then migrate again. Nothing of this file was applied.`
        : 'Find long transactions in pg_stat_activity, end them, then migrate again. Nothing of this file was applied.',
      { cause },
    )
    this.place = place
    this.blockers = blockers
  }
}

/** Some clusters are migrated, one failed. */
export class MigrationIncomplete extends TenfoldError {
  readonly code = 'TENFOLD_MIGRATION_INCOMPLETE'
  /** What this run applied, by cluster; the failed one and those after it included. */
  readonly applied: Readonly<Record<string, readonly string[]>>

  constructor(
    cluster: string,
    applied: Readonly<Record<string, readonly string[]>>,
    cause: Error & { remedy?: string },
  ) {
    const progress = Object.entries(applied).map(
      ([name, names]) => `  ${name}: ${names.length > 0 ? names.join(', ') : 'nothing'}`,
    )
    super(
      `Migration stopped at ${cluster}: ${cause.message}\nApplied by this run:\n${progress.join('\n')}`,
      `${cause.remedy ?? 'Remove the cause.'} A new run continues where this one stopped.`,
      { cause },
    )
    this.applied = applied
  }
}

export function describe(blockers: readonly Blocker[]): string {
  if (blockers.length === 0) return 'the session that holds it could not be seen'
  return blockers
    .map(({ pid, state, application, query }) => {
      const who = application === '' ? '' : ` (${application})`
      return `it is held by process ${pid}${who}, ${state}: ${query.replace(/\s+/g, ' ').slice(0, 200)}`
    })
    .join('; ')
}

const list = (names: readonly string[]): string => names.join(', ')
