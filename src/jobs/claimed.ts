import type { Position } from '../core/position.ts'
import type { JobPlace } from './types.ts'

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
  readonly cluster: string
  /** Drawn at the claim; whatever ends this run has to show it. A 63-bit number. */
  readonly fence: string
  /** Where the cluster stood at the claim: what the job's own transaction wrote lies below. */
  readonly position: Position
}

export interface ClaimRow {
  readonly id: string
  readonly name: string
  readonly bucket: number
  readonly tag: number
  readonly attempt: number
  readonly attempts_max: number
  readonly payload: unknown
  readonly seen: string | null
}

export function claimedOf(
  row: ClaimRow,
  bytes: number,
  cluster: string,
  fence: string,
  position: Position,
): Claimed {
  const { id, name, bucket, tag, attempt, payload, seen } = row
  const attemptsMax = row.attempts_max
  return {
    id,
    name,
    bucket,
    tag,
    attempt,
    attemptsMax,
    payload,
    bytes,
    seen: seen ?? '',
    cluster,
    fence,
    position,
  }
}

export const placeOf = ({ bucket, tag }: Claimed): JobPlace => (bucket < 0 ? 'home' : { bucket, tag })

/** The three arrays by which statements name runs, as PostgreSQL writes arrays. */
export function runArrays(jobs: readonly Claimed[]): [ids: string, fences: string, buckets: string] {
  let ids = ''
  let fences = ''
  let buckets = ''
  for (const { id, fence, bucket } of jobs) {
    ids += `,${id}`
    fences += `,${fence}`
    buckets += `,${bucket}`
  }
  return [`{${ids.slice(1)}}`, `{${fences.slice(1)}}`, `{${buckets.slice(1)}}`]
}
