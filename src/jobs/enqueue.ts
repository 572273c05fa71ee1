import type { Clock } from '../core/clock.ts'
import { milliseconds } from '../core/duration.ts'
import { rowPlace } from '../core/keys.ts'
import type { SystemStatement } from '../core/ports.ts'
import { PAYLOAD_LENGTH_MAX, PRIORITY_MAX, TEXT_LENGTH_MAX } from './defaults.ts'
import { JobInputInvalid } from './errors.ts'
import { jobId } from './ids.ts'
import { inputInvalid, kindOf, parse } from './kinds.ts'
import type { EnqueueOptions, EnqueueRequest, InputSchema } from './types.ts'

/** A job as it is recorded. */
export interface JobRow {
  readonly id: string
  readonly bucket: number
  readonly tag: number
  readonly name: string
  readonly priority: number
  readonly delay_ms: number
  readonly attempts_max: number
  readonly concurrency: number | null
  readonly owner: string
  readonly unique_key: string | null
  readonly seen: string | null
  /** JSON. */
  readonly payload: string
}

/** Checks what is asked for. Nothing is drawn by chance: every run of the same transaction gives the same row. @throws JobInputInvalid */
export function jobRow(request: EnqueueRequest, clock: Clock): JobRow {
  const { job, options, placement } = request
  const kind = kindOf(job)
  const { bucket, tag } = rowPlace(placement)
  const priority = options.priority ?? kind.priority
  if (!Number.isInteger(priority) || Math.abs(priority) > PRIORITY_MAX)
    throw new JobInputInvalid(
      kind.name,
      `priority has to be a whole number from −100 to 100, not ${priority}.`,
    )
  return {
    id: jobId(request.marker, request.ordinal, placement),
    bucket,
    tag,
    name: kind.name,
    priority,
    delay_ms: delayOf(kind.name, options, clock),
    attempts_max: kind.attemptsMax,
    concurrency: kind.concurrency,
    owner: text(kind.name, 'owner', options.owner) ?? `${bucket}.${tag}`,
    unique_key: text(kind.name, 'unique', options.unique),
    seen: request.seen === '' ? null : request.seen,
    payload: payloadOf(kind.name, kind.input, request.input),
  }
}

/** What is stored is checked in the form in which the run will get it. */
function payloadOf(name: string, input: InputSchema, value: unknown): string {
  let payload: string | undefined
  try {
    payload = JSON.stringify(value)
  } catch (error) {
    throw new JobInputInvalid(name, `it is not JSON: ${(error as Error).message}`, { cause: error })
  }
  if (payload === undefined) throw new JobInputInvalid(name, 'it is not JSON.')
  if (payload.length > PAYLOAD_LENGTH_MAX)
    throw new JobInputInvalid(
      name,
      `its JSON has ${payload.length} characters, more than ${PAYLOAD_LENGTH_MAX}.`,
    )
  const result = parse(input, JSON.parse(payload))
  if (!result.success) throw inputInvalid(name, result.error)
  return payload
}

function delayOf(name: string, { delay, runAt }: EnqueueOptions, clock: Clock): number {
  try {
    const ms = Math.max(
      delay === undefined ? 0 : milliseconds(delay),
      runAt ? runAt.getTime() - clock.now() : 0,
    )
    if (Number.isFinite(ms) && ms < 100 * 365 * 86_400_000) return Math.ceil(ms)
  } catch (error) {
    throw new JobInputInvalid(name, `delay: ${(error as Error).message}.`)
  }
  throw new JobInputInvalid(name, 'delay or runAt is no moment within the next hundred years.')
}

function text(name: string, what: string, value: string | undefined): string | null {
  if (value === undefined) return null
  if (
    typeof value === 'string' &&
    value.length <= TEXT_LENGTH_MAX &&
    !value.includes('\0') &&
    value.isWellFormed()
  )
    return value
  throw new JobInputInvalid(
    name,
    `${what} has to be text of at most ${TEXT_LENGTH_MAX} characters, without NUL.`,
  )
}

const ENQUEUE_ONE = 'select tenfold.enqueue_job($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)'
const ENQUEUE_MANY = 'select tenfold.enqueue_jobs($1, $2)'

const RECORD_HELD = `insert into tenfold.jobs
    (id, bucket, tag, name, state, priority, due, run_at, attempts_max, owner, seen, payload, claim)
  values ($1, $2, $3, $4, 0, $5, statement_timestamp(), statement_timestamp(), $6, $7, $8, $9, $10)`

/** Whether a job may run whenever somebody has room: it waits for no time, and counts against no limit. */
export const isFree = (row: JobRow): boolean =>
  row.delay_ms === 0 && row.concurrency === null && row.unique_key === null

/** Records a job that {@link isFree}, held by a claim that is there already. */
export const insertHeld = (row: JobRow, claim: string): SystemStatement => ({
  sql: RECORD_HELD,
  params: [
    row.id,
    row.bucket,
    row.tag,
    row.name,
    row.priority,
    row.attempts_max,
    row.owner,
    row.seen,
    row.payload,
    claim,
  ],
})

/** One statement that records the jobs. A job that is there already, by its id or by its unique key, is left alone. */
export function insertJobs(rows: readonly JobRow[]): SystemStatement {
  const [row] = rows
  if (row && rows.length === 1)
    return {
      sql: ENQUEUE_ONE,
      params: [
        row.id,
        row.bucket,
        row.tag,
        row.name,
        row.priority,
        row.delay_ms,
        row.attempts_max,
        row.concurrency,
        row.owner,
        row.unique_key,
        row.seen,
        row.payload,
      ],
    }
  // Payloads go apart: what JSON may hold and text may not (NUL, lone surrogates) stays as it is.
  const asked = rows.map(({ payload: _, ...row }, at) => ({ n: at + 1, ...row }))
  return { sql: ENQUEUE_MANY, params: [JSON.stringify(asked), rows.map(({ payload }) => payload)] }
}
