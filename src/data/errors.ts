import { TenfoldError } from '../core/errors.ts'

/** What is known of a write that could not be finished. */
export type Outcome = 'not applied' | 'outcome unknown' | 'earlier writes of this request were applied'

/** PostgreSQL could not be reached in time. */
export class DataUnavailable extends TenfoldError {
  readonly code = 'TENFOLD_DATA_UNAVAILABLE'
  override readonly status = 503
  override readonly retryAfterSeconds = 1
  readonly cluster: string
  readonly outcome: Outcome
  constructor(cluster: string, outcome: Outcome, cause?: unknown) {
    super(
      `Cluster ${cluster} did not answer in time; ${outcome}${cause instanceof Error ? ` (${cause.message})` : ''}.`,
      outcome === 'not applied'
        ? 'Try again; nothing was written.'
        : 'Try again under the same Idempotency-Key: what was applied is not applied twice. Without a key, look first.',
      { cause },
    )
    this.cluster = cluster
    this.outcome = outcome
  }
}

/** PostgreSQL cannot write: its disk is full or fails. */
export class DatabaseFull extends TenfoldError {
  readonly code = 'TENFOLD_DATABASE_FULL'
  override readonly status = 503
  override readonly retryAfterSeconds = 10
  constructor(cause: Error) {
    super(
      `PostgreSQL could not write to its disk (${cause.message}); not applied.`,
      'Free room on the disk that holds the data folder; nothing that was acknowledged is lost, and no restart is needed.',
      { cause },
    )
  }
}

/** The work took longer than its deadline. */
export class DeadlineExceeded extends TenfoldError {
  readonly code = 'TENFOLD_DEADLINE_EXCEEDED'
  override readonly status = 503
  constructor(what: string, deadlineMs: number, cause?: unknown) {
    super(
      `${what} took longer than its deadline of ${deadlineMs} ms.`,
      'Do less in one call, or pass a longer deadlineMs.',
      { cause },
    )
  }
}

/** A marker with this id exists, but it stands for another write. */
export class ReplayDiverged extends TenfoldError {
  readonly code = 'TENFOLD_REPLAY_DIVERGED'
  override readonly status = 409
  constructor(asked: { name: string; key: string }, found: { name: string; key: string }) {
    super(
      `A replay asked for the write ${asked.name} on ${asked.key}, but the request had made ${found.name} on ${found.key}.`,
      'Make the handler deterministic: a replayed request must choose the same write names and shard keys; decide inside the write.',
    )
  }
}

/** Two writes of one request have one name. */
export class WriteNameReused extends TenfoldError {
  readonly code = 'TENFOLD_WRITE_NAME_REUSED'
  constructor(name: string) {
    super(
      `The write ${JSON.stringify(name)} was begun twice in one request.`,
      'Give each write of a request a name of its own, e.g. with a suffix that a replay computes again.',
    )
  }
}

/** A write was begun inside a write. */
export class NestedWrite extends TenfoldError {
  readonly code = 'TENFOLD_NESTED_WRITE'
  constructor(inner: string, outer: string) {
    super(
      `The write ${JSON.stringify(inner)} was begun inside the write ${JSON.stringify(outer)}.`,
      'Use the outer transaction, or run the inner write after the outer one.',
    )
  }
}

/** An error inside a write was caught, but PostgreSQL had already aborted the transaction. */
export class TransactionAborted extends TenfoldError {
  readonly code = 'TENFOLD_TRANSACTION_ABORTED'
  constructor(name: string) {
    super(
      `The write ${JSON.stringify(name)} was rolled back: a statement in it failed and the error was caught.`,
      'Let the error leave the work function, or avoid it, e.g. with ON CONFLICT.',
    )
  }
}

/** A transaction or read handle was used after its work function had ended. */
export class HandleClosed extends TenfoldError {
  readonly code = 'TENFOLD_HANDLE_CLOSED'
  constructor(what: string) {
    super(
      `${what} was used after its work function had ended.`,
      'Await every query inside the work function.',
    )
  }
}

/** A plain read was asked for the client of its session. */
export class NoSession extends TenfoldError {
  readonly code = 'TENFOLD_NO_SESSION'
  constructor() {
    super(
      'A plain read has no session of its own: its statements share sessions with other reads.',
      'Use read(work, { snapshot: true }), which holds one session, for COPY and streams.',
    )
  }
}

/** A write returned what JSON cannot hold. */
export class ResultNotJson extends TenfoldError {
  readonly code = 'TENFOLD_RESULT_NOT_JSON'
  constructor(name: string, cause: unknown) {
    super(
      `The result of the write ${JSON.stringify(name)} is not JSON: ${(cause as Error).message}.`,
      'Return plain data; turn a bigint into a string.',
      { cause },
    )
  }
}

/** What was passed as parameters cannot be sent. */
export class ParameterInvalid extends TenfoldError {
  readonly code = 'TENFOLD_PARAMETER_INVALID'
  constructor(cause: Error) {
    super(
      `The parameters of a statement cannot be sent: ${cause.message}.`,
      'Pass text, numbers, dates, buffers, arrays of these, or plain JSON; many rows go as arrays with unnest(), or by COPY.',
      { cause },
    )
  }
}

/** A value that PostgreSQL sent could not be turned into one of JavaScript. */
export class RowUnreadable extends TenfoldError {
  readonly code = 'TENFOLD_ROW_UNREADABLE'
  constructor(cause: Error) {
    super(
      `A row of a statement's result cannot be read: ${cause.message}.`,
      'Correct the type parser that was registered with pg, or cast the column to text in SQL.',
      { cause },
    )
  }
}

/** A value cannot be a key of the declared type. */
export class BadKey extends TenfoldError {
  readonly code = 'TENFOLD_BAD_KEY'
  override readonly status = 400
  constructor(value: unknown, type: string) {
    super(
      `${typeof value === 'bigint' ? value : JSON.stringify(value)} is not a ${type} key.`,
      `Check the value before you use it as a shard key of type ${type}.`,
    )
  }
}

/** A read tried to write, or to change its session. */
export class ReadOnly extends TenfoldError {
  readonly code = 'TENFOLD_READ_ONLY'
  constructor(text: string, cause?: unknown) {
    super(
      `A read may not run: ${text.trim().slice(0, 80)}`,
      'Use write() for changes; in a read only SELECT, WITH, VALUES, TABLE, SHOW and EXPLAIN run.',
      { cause },
    )
  }
}

/** A write sent what would end its transaction, outlive it in the session, or lower its durability. */
export class StatementRefused extends TenfoldError {
  readonly code = 'TENFOLD_STATEMENT_REFUSED'
  constructor(text: string) {
    super(
      `A write may not run: ${text.trim().slice(0, 80)}`,
      'The transaction is begun and ended by write(); change tables in migrations, and settings only with SET LOCAL.',
    )
  }
}

/** A write touched a row that is not in its bucket. */
export class OutsideBucket extends TenfoldError {
  readonly code = 'TENFOLD_OUTSIDE_BUCKET'
  constructor(cause: Error) {
    super(
      `${cause.message}.`,
      'Write each row through the shard of its own key; tables without a key through system.home; global tables in migrations.',
      { cause },
    )
  }
}

/** A write returned more than its marker may hold. */
export class ResultTooLarge extends TenfoldError {
  readonly code = 'TENFOLD_RESULT_TOO_LARGE'
  constructor(name: string, length: number, max: number) {
    super(
      `The result of the write ${JSON.stringify(name)} has ${length} characters of JSON; at most ${max} are kept with its marker.`,
      'Return what identifies the rows, and read the rest afterwards.',
    )
  }
}

/** The directory moved on while a write was on its way, more often than a write follows. */
export class StaleRouter extends TenfoldError {
  readonly code = 'TENFOLD_STALE_ROUTER'
  override readonly status = 503
  override readonly retryAfterSeconds = 1
  constructor({ key }: { key: string }, cause: unknown) {
    super(
      `The bucket of ${key} is not open where the directory says it is; not applied.`,
      'Try again. If it lasts, run `tenfold doctor`: a move may have stopped half-way.',
      { cause },
    )
  }
}

/** The database and the declared key spaces do not fit. */
export class CatalogMismatch extends TenfoldError {
  readonly code = 'TENFOLD_CATALOG_MISMATCH'
  constructor(cluster: string, findings: readonly string[]) {
    super(
      `The tables of cluster ${cluster} do not fit the declared keys:\n${findings.map((f) => `  - ${f}`).join('\n')}`,
      'Correct the declaration in tenfold(), or write a migration.',
    )
  }
}

/** The clusters given at start are not those on which the data lies. */
export class PlacementMismatch extends TenfoldError {
  readonly code = 'TENFOLD_PLACEMENT_MISMATCH'
  constructor(found: readonly string[], given: readonly string[]) {
    super(
      `The data lies on ${found.join(', ')}, but this start has ${given.join(', ')}.`,
      'Start with the clusters that hold the data; buckets change cluster only by a move.',
    )
  }
}

/** The database given for a cluster is another one: URLs in the wrong order, or one of them twice. */
export class ClusterMistaken extends TenfoldError {
  readonly code = 'TENFOLD_CLUSTER_MISTAKEN'
  constructor(given: string, found: string | undefined) {
    super(
      `The database given for cluster ${given} ${found === undefined ? 'holds no cluster yet, but the others do' : `holds cluster ${found}`}.`,
      'Give the databases in the order of their clusters, c0 first, and each once.',
    )
  }
}

/** No lease for 64-bit ids is held at the moment. */
export class IdsUnavailable extends TenfoldError {
  readonly code = 'TENFOLD_IDS_UNAVAILABLE'
  override readonly status = 503
  override readonly retryAfterSeconds = 1
  constructor(cause?: unknown) {
    super(
      'No 64-bit id can be drawn: the lease on a worker number has run out.',
      'Try again; the lease is taken again as soon as the home cluster answers.',
      { cause },
    )
  }
}
