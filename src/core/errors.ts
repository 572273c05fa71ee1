/**
 * The base of every error that Tenfold raises on purpose.
 *
 * A subclass is one case. Its `code` is stable, its message names the cause, its `remedy` says what to do,
 * and `docs/errors.md` has a section headed by the code.
 */
export abstract class TenfoldError extends Error {
  abstract readonly code: ErrorCode
  /** What the reader of this error can do about it; one sentence. */
  readonly remedy: string
  /** The HTTP status that fits when this error ends a request. @defaultValue 500 */
  readonly status: number = 500
  /** Seconds after which a client may try again, when that makes sense. */
  readonly retryAfterSeconds?: number

  constructor(message: string, remedy: string, options?: ErrorOptions) {
    super(message, options)
    this.remedy = remedy
    this.name = new.target.name
  }

  /** The page and anchor that explain this error. */
  get docs(): string {
    return `docs/errors.md#${this.code.toLowerCase()}`
  }
}

/** Every stable code: each has one class, and one section in `docs/errors.md`. A test compares the three. */
export const ERROR_CODES = [
  'TENFOLD_ADDRESS_REFUSED',
  'TENFOLD_ADDRESS_TAKEN',
  'TENFOLD_ALREADY_RUNNING',
  'TENFOLD_APP_BROKEN',
  'TENFOLD_APP_MISSING',
  'TENFOLD_ASSETS_UNREADABLE',
  'TENFOLD_ASSET_MISSING',
  'TENFOLD_ASSET_NOT_FOUND',
  'TENFOLD_BAD_FORM',
  'TENFOLD_BAD_JSON',
  'TENFOLD_BAD_KEY',
  'TENFOLD_BAD_TARGET',
  'TENFOLD_BLOB_DAMAGED',
  'TENFOLD_BLOB_MISSING',
  'TENFOLD_BLOB_OPTION',
  'TENFOLD_BLOB_TOO_LARGE',
  'TENFOLD_BODY_RELEASED',
  'TENFOLD_BODY_TOO_LARGE',
  'TENFOLD_BODY_TOO_SLOW',
  'TENFOLD_CACHED_IN_WRITE',
  'TENFOLD_CACHE_KEY',
  'TENFOLD_CACHE_KEY_ELSEWHERE',
  'TENFOLD_CACHE_NESTING',
  'TENFOLD_CACHE_STALE',
  'TENFOLD_CACHE_VALUE',
  'TENFOLD_CATALOG_MISMATCH',
  'TENFOLD_CLIENT_GONE',
  'TENFOLD_CLUSTER_LOST',
  'TENFOLD_CLUSTER_MISTAKEN',
  'TENFOLD_CLUSTER_RECORD',
  'TENFOLD_CONFIG_INVALID',
  'TENFOLD_CONTROL_FAILED',
  'TENFOLD_CROSS_SITE',
  'TENFOLD_DATABASE_FULL',
  'TENFOLD_DATABASE_TOO_OLD',
  'TENFOLD_DATABASE_UNREACHABLE',
  'TENFOLD_DATA_CORRUPT',
  'TENFOLD_DATA_IN_USE',
  'TENFOLD_DATA_MISSING',
  'TENFOLD_DATA_UNAVAILABLE',
  'TENFOLD_DATA_UNKNOWN',
  'TENFOLD_DATA_UNWRITABLE',
  'TENFOLD_DATA_VERSION',
  'TENFOLD_DEADLINE_EXCEEDED',
  'TENFOLD_DISK_FULL',
  'TENFOLD_FOLDER_NOT_EMPTY',
  'TENFOLD_HANDLE_CLOSED',
  'TENFOLD_IDEMPOTENCY_KEY',
  'TENFOLD_IDEMPOTENCY_KEY_REUSED',
  'TENFOLD_IDS_UNAVAILABLE',
  'TENFOLD_JOB_CANCELLED',
  'TENFOLD_JOB_INPUT_INVALID',
  'TENFOLD_JOB_LEASE_LOST',
  'TENFOLD_JOB_MISSING',
  'TENFOLD_JOB_OPTION',
  'TENFOLD_JOB_PROGRESS',
  'TENFOLD_JOB_STOPPED',
  'TENFOLD_JOB_TIMEOUT',
  'TENFOLD_JOB_UNKNOWN',
  'TENFOLD_LIMIT_INVALID',
  'TENFOLD_METRIC_INVALID',
  'TENFOLD_MIGRATION_EDITED',
  'TENFOLD_MIGRATION_FAILED',
  'TENFOLD_MIGRATION_INCOMPLETE',
  'TENFOLD_MIGRATION_INVALID',
  'TENFOLD_MIGRATION_LOCKED',
  'TENFOLD_MIGRATION_MISSING',
  'TENFOLD_MIGRATION_OUT_OF_ORDER',
  'TENFOLD_NESTED_WRITE',
  'TENFOLD_NODE_UNKNOWN',
  'TENFOLD_NOT_RUNNING',
  'TENFOLD_NO_DATABASE',
  'TENFOLD_NO_LOGS',
  'TENFOLD_NO_ROOM_FOR_COPY',
  'TENFOLD_NO_SESSION',
  'TENFOLD_OPERATION_REFUSED',
  'TENFOLD_OUTSIDE_BUCKET',
  'TENFOLD_OUTSIDE_REQUEST',
  'TENFOLD_PARAMETER_INVALID',
  'TENFOLD_PLACEMENT_MISMATCH',
  'TENFOLD_POSTGRES_FAILED',
  'TENFOLD_POSTGRES_LINGERS',
  'TENFOLD_POSTGRES_MISSING',
  'TENFOLD_POSTGRES_PORT',
  'TENFOLD_POSTGRES_SILENT',
  'TENFOLD_POSTGRES_SIZE',
  'TENFOLD_POSTGRES_START_TIMEOUT',
  'TENFOLD_POSTGRES_UNUSABLE',
  'TENFOLD_POSTGRES_USER',
  'TENFOLD_RATE_LIMITED',
  'TENFOLD_READ_ONLY',
  'TENFOLD_REPLAY_DIVERGED',
  'TENFOLD_REQUEST_DEADLINE',
  'TENFOLD_RESTART_FAILED',
  'TENFOLD_RESULT_NOT_JSON',
  'TENFOLD_RESULT_TOO_LARGE',
  'TENFOLD_ROW_UNREADABLE',
  'TENFOLD_SERVER_DIED',
  'TENFOLD_SERVER_STOPPING',
  'TENFOLD_SESSION_DATA',
  'TENFOLD_SESSION_REQUIRED',
  'TENFOLD_SPOOL_FULL',
  'TENFOLD_STAGE_REFUSED',
  'TENFOLD_STAGE_UNAVAILABLE',
  'TENFOLD_STALE_ROUTER',
  'TENFOLD_STATEMENT_REFUSED',
  'TENFOLD_STATE_CORRUPT',
  'TENFOLD_STATE_NEWER',
  'TENFOLD_STOP_TIMEOUT',
  'TENFOLD_SWITCHOVER_REFUSED',
  'TENFOLD_TEST_LEAK',
  'TENFOLD_TEST_MISUSE',
  'TENFOLD_TLS_INVALID',
  'TENFOLD_TRANSACTION_ABORTED',
  'TENFOLD_UNEXPECTED',
  'TENFOLD_WEB_OPTION',
  'TENFOLD_WRITE_NAME_REUSED',
] as const

/** A stable error code. */
export type ErrorCode = (typeof ERROR_CODES)[number]

/** Whether `error` is a {@link TenfoldError} of any kind, also one from another copy of the package. */
export function isTenfoldError(error: unknown): error is TenfoldError {
  return (
    error instanceof Error &&
    typeof (error as { code?: unknown }).code === 'string' &&
    (error as unknown as { code: string }).code.startsWith('TENFOLD_')
  )
}

/** Text for a person: cause, remedy, and where to read more. Never contains a stack. */
export function explain(error: unknown): string {
  if (isTenfoldError(error)) return `${error.message}\n  ${error.remedy}\n  (${error.code}, ${error.docs})`
  if (error instanceof Error) return error.message
  return String(error)
}
