import { hash } from 'node:crypto'

/** Days and minutes that a marker is kept; beyond them a replay would be applied anew. */
const KEEP_KEYED_MS = 24 * 3_600_000
const KEEP_PLAIN_MS = 15 * 60_000

/** How long a marker has to be kept, in milliseconds: as long as anyone may come back for it, and in any case longer than its write may take. */
export function keepMs(keyed: boolean | undefined, deadlineMs: number): number {
  const longest = Math.min(2 * deadlineMs, KEEP_KEYED_MS)
  return keyed ? KEEP_KEYED_MS : Math.max(KEEP_PLAIN_MS, longest)
}

/** A commit marker: the row that proves a write and holds its result. */
export interface Marker {
  readonly id: string
  readonly name: string
  readonly key: string
}

/**
 * The marker's id: a function of the request and the write's name, so that every run of the same write, in
 * any process, meets the same row. It keeps the time of the request id in front (RFC 9562, UUIDv8), so that
 * markers are appended to their index rather than scattered over it.
 */
export function markerId(requestId: string, name: string): string {
  const digest = hash('sha256', `${requestId}\0${name}`, 'hex')
  const variant = ((Number.parseInt(digest[3] as string, 16) & 3) | 8).toString(16)
  return `${requestId.slice(0, 13)}-8${digest.slice(0, 3)}-${variant}${digest.slice(4, 7)}-${digest.slice(7, 19)}`
}

export const MARKER_SQL = {
  /** Waits while another run of the same write is in flight; tells by its command tag whether it was first. */
  claim: `insert into tenfold.markers (id, bucket, tag, name, key, keep_until)
          values ($1, $2, $3, $4, $5, now() + $6::float8 * interval '1 ms') on conflict (id) do nothing`,
  /** A job's markers are kept as long as the job can be run again, however late; see sweep.ts. */
  claimForJob: `insert into tenfold.markers (id, bucket, tag, name, key, keep_until, job)
          values ($1, $2, $3, $4, $5, now() + $6::float8 * interval '1 ms', $7) on conflict (id) do nothing`,
  /**
   * Reads the result of a write that committed. It locks the row, which is written to the log: what is read may have been
   * committed by a session whose synchronous wait was cut off, and only the commit that follows proves it durable. The row
   * itself stays as it was: by its transaction's number `tenfold recover` knows whether it was lost. (The column `resolved`
   * counted such readings; processes of an earlier version do it still.)
   */
  resolve: 'select name, key, result from tenfold.markers where id = $1 for update',
  finish: 'update tenfold.markers set result = $2 where id = $1',
} as const
