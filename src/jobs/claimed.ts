import type { SystemStatement } from '../core/ports.ts'
import type { Position } from '../core/position.ts'
import type { JobPlace } from './types.ts'

/** Jobs that were taken together. It stays in the database until all of them ended, or its lease does. */
export class Claim {
  /** Drawn for it; whatever ends one of its runs has to show it. A 63-bit number. */
  readonly id: string
  readonly cluster: string
  /** Where the cluster stood then: what the transactions of its jobs wrote lies below. */
  readonly position: Position
  /** Those whose end could not be told, or was refused: if the database holds them for us still, it does as long as the others. */
  readonly abandoned = new Set<Claimed>()
  readonly #over: (id: string) => void
  #open: number

  /** @param over nothing is held by it any more, and the database knows how each of its `jobs` ended */
  constructor(id: string, cluster: string, position: Position, jobs: number, over: (id: string) => void) {
    this.id = id
    this.cluster = cluster
    this.position = position
    this.#open = jobs
    this.#over = over
  }

  /** The database knows how one of its jobs ended. */
  ended(): void {
    if (--this.#open === 0) this.#over(this.id)
  }
}

/** A job that this worker holds. */
export interface Claimed {
  readonly id: string
  readonly name: string
  readonly bucket: number
  readonly tag: number
  readonly attempt: number
  readonly attemptsMax: number
  readonly payload: unknown
  /** Its share of the bytes that were claimed with it. */
  readonly bytes: number
  readonly seen: string
  readonly claim: Claim
  /** Which holding of this job it is: counted up whenever one is over without success. */
  readonly fence: number
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

export function claimedOf(row: ClaimRow, bytes: number, claim: Claim): Claimed {
  const { id, name, bucket, tag, attempt, attempts_max: attemptsMax, fence, payload, seen } = row
  return { id, name, bucket, tag, attempt, attemptsMax, payload, bytes, seen: seen ?? '', claim, fence }
}

export const placeOf = ({ bucket, tag }: Claimed): JobPlace => (bucket < 0 ? 'home' : { bucket, tag })

/** The four arrays by which statements name runs, as PostgreSQL writes arrays. */
export function runArrays(
  jobs: readonly Claimed[],
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
export const releaseOf = (jobs: readonly Claimed[]): SystemStatement => ({
  sql: 'select tenfold.release_jobs($1, $2, $3, $4) as refused',
  params: runArrays(jobs),
})
