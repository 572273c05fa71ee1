import type { SystemStatement } from '../core/ports.ts'
import type { Position } from '../core/position.ts'
import type { JobRow } from './enqueue.ts'
import type { JobPlace } from './types.ts'

/** What a claim tells its maker. */
export interface ClaimEvents {
  /** Nothing is held by it any more, and the database knows how each of its jobs ended. */
  over(id: string): void
  abandoned(held: Held): void
}

/** Jobs that are held together. It stays in the database until all of them ended, or its lease does. */
export class Claim {
  /** Drawn for it; whatever ends one of its runs has to show it. A 63-bit number. */
  readonly id: string
  readonly cluster: string
  /** Monotonic milliseconds of when it was sent: its lease began later. */
  readonly sentAt: number
  readonly #events: ClaimEvents
  #open: number
  #standing: boolean

  /** `jobs`: how many it holds; undefined: it stands open for more, until it is closed. */
  constructor(
    { id, cluster, sentAt, jobs }: { id: string; cluster: string; sentAt: number; jobs: number | undefined },
    events: ClaimEvents,
  ) {
    this.id = id
    this.cluster = cluster
    this.sentAt = sentAt
    this.#open = jobs ?? 0
    this.#standing = jobs === undefined
    this.#events = events
  }

  /** One more job may be held by it from now on. */
  admit(): void {
    this.#open++
  }

  /** The database knows how one of its jobs ended, or that it never was. */
  ended(): void {
    this.#open--
    this.#check()
  }

  /** The end of one could not be told, or was refused: if the database holds it for us still, it does as long as the others. */
  abandon(held: Held): void {
    this.#events.abandoned(held)
  }

  /** No more jobs come. */
  close(): void {
    if (!this.#standing) return
    this.#standing = false
    this.#check()
  }

  #check(): void {
    if (this.#open === 0 && !this.#standing) this.#events.over(this.id)
  }
}

/** By what statements name a job that is held. */
export interface Held {
  readonly id: string
  readonly bucket: number
  readonly claim: Claim
  /** Which holding of this job it is: counted up whenever one is over without success. */
  readonly fence: number
}

/** A job that this worker holds. */
export interface Claimed extends Held {
  readonly name: string
  readonly tag: number
  readonly attempt: number
  readonly attemptsMax: number
  readonly payload: unknown
  /** Its share of the bytes that were claimed with it. */
  readonly bytes: number
  readonly seen: string
  /** Where the cluster stood when it was claimed: what the transaction that recorded it wrote lies below. */
  readonly position: Position
}

export interface ClaimRow {
  readonly id: string
  readonly name: string
  readonly bucket: number
  readonly tag: number
  readonly attempt: number
  readonly attempts_max: number
  readonly fence: number
  readonly payload: unknown
  readonly seen: string | null
}

export function claimedOf(row: ClaimRow, bytes: number, claim: Claim, position: Position): Claimed {
  const { attempts_max: attemptsMax, seen, ...same } = row
  return { ...same, attemptsMax, bytes, seen: seen ?? '', claim, position }
}

/** A job that was handed over to `claim`, in the form in which a claim would have given it. */
export function handedOver(row: JobRow, claim: Claim, position: Position): Claimed {
  const { id, name, bucket, tag, attempts_max: attemptsMax, payload, seen } = row
  return {
    id,
    name,
    bucket,
    tag,
    attempt: 1,
    attemptsMax,
    payload: JSON.parse(payload),
    bytes: payload.length,
    seen: seen ?? '',
    claim,
    fence: 0,
    position,
  }
}

export const placeOf = ({ bucket, tag }: Claimed): JobPlace => (bucket < 0 ? 'home' : { bucket, tag })

/** The four arrays by which statements name runs, as PostgreSQL writes arrays. */
export function runArrays(
  jobs: readonly Held[],
): [claims: string, ids: string, fences: string, buckets: string] {
  let claims = ''
  let ids = ''
  let fences = ''
  let buckets = ''
  for (const { claim, id, fence, bucket } of jobs) {
    claims += `,${claim.id}`
    ids += `,${id}`
    fences += `,${fence}`
    buckets += `,${bucket}`
  }
  return [`{${claims.slice(1)}}`, `{${ids.slice(1)}}`, `{${fences.slice(1)}}`, `{${buckets.slice(1)}}`]
}

/** Gives runs back, their attempts uncounted; `refused` are those that were another's. */
export const releaseOf = (jobs: readonly Held[]): SystemStatement => ({
  sql: 'select tenfold.release_jobs($1, $2, $3, $4) as refused',
  params: runArrays(jobs),
})
