import { createHash } from 'node:crypto'
import type { Reservation } from '../../core/context.ts'
import { BUCKETS } from '../../core/keys.ts'
import type { SystemStore } from '../../core/ports.ts'
import { sweepEverywhere } from '../../core/sweep.ts'
import { BadIdempotencyKey, IdempotencyKeyReused } from '../errors.ts'

/** Hours that a key is remembered. */
export const IDEMPOTENCY_KEPT_HOURS = 24
const KEY = /^[\x21-\x7e]{1,255}$/
/** A structured-field string, as the IETF draft has it. Blanks inside are refused like everywhere. */
const QUOTED = /^"((?:[\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"$/

/** Reads an `Idempotency-Key`; quoted and bare forms of one key are the same key. @throws BadIdempotencyKey */
export function parseIdempotencyKey(header: string): string {
  const quoted = QUOTED.exec(header)
  const key = quoted ? quoted[1]!.replaceAll(/\\(["\\])/g, '$1') : header
  if (!KEY.test(key) || (!quoted && header.startsWith('"'))) throw new BadIdempotencyKey()
  return key
}

/** Of a body at hand; one on disk brings a plain SHA-256 of its own. */
export const bodyHashOf = (body: Uint8Array): string => digest(body)

const digest = (...parts: readonly (string | Uint8Array)[]): string => {
  const hash = createHash('sha256')
  // Each part is preceded by its length, so that no two lists of parts look the same.
  for (const part of parts)
    hash.update(`${typeof part === 'string' ? Buffer.byteLength(part) : part.length}:`).update(part)
  return hash.digest('base64url')
}

/** `application/json; charset=utf-8` and `Application/JSON` are the same request. */
const essence = (contentType: string | undefined): string =>
  (contentType ?? '').split(';', 1)[0]!.trim().toLowerCase()

/** What has to be the same when a request is sent again under its key. */
export function reservationOf(
  key: string,
  request: { method: string; target: string; contentType: string | undefined; bodyHash: string },
): Reservation {
  const { method, target, bodyHash } = request
  return {
    key,
    method,
    target,
    bodyHash,
    requestHash: digest(method, target, essence(request.contentType), bodyHash),
  }
}

/**
 * Under whose name a key is reserved. Different users may draw the same key, so a logged-in principal is part
 * of the scope; strangers have no name, so the request itself is theirs.
 */
function scope(principal: string | null, one: Reservation): string {
  return principal === null
    ? digest('anonymous', one.method, one.target, one.bodyHash, one.key)
    : digest('principal', principal, one.key)
}

/** A reservation whose time is over counts as none, whether or not it was swept yet: its markers may be gone. */
const INSERT = `insert into tenfold.requests (id, bucket, tag, request_id, request_hash, created_at, keep_until)
  values ($1, $2, $3, $4, $5, now(), now() + make_interval(hours => ${IDEMPOTENCY_KEPT_HOURS}))
  on conflict (id) do update
    set request_id = excluded.request_id, request_hash = excluded.request_hash,
      created_at = excluded.created_at, keep_until = excluded.keep_until
    where tenfold.requests.keep_until < now()`
const SELECT = 'select request_id, request_hash from tenfold.requests where id = $1'

interface Row {
  request_id: string
  request_hash: string
}

/**
 * Reserves the key for this request, or finds that it was here before.
 *
 * @returns the request id to go on with: the first one that came under this key
 * @throws IdempotencyKeyReused when that was another request
 */
export async function reserve(
  store: SystemStore,
  principal: string | null,
  one: Reservation,
  requestId: string,
): Promise<string> {
  const id = scope(principal, one)
  const hash = store.hash(id)
  const params = [id, hash % BUCKETS, Math.floor(hash / BUCKETS), requestId, one.requestHash]
  const [, [row] = []] = await store.apply<Row>(hash, { sql: INSERT, params }, { sql: SELECT, params: [id] })
  if (!row) throw new Error('A reservation that was just written is not there')
  if (row.request_hash !== one.requestHash) throw new IdempotencyKeyReused()
  return row.request_id
}

/**
 * Makes the reservation known under the names that a retry may come with, before the session changes: a
 * retry after a log-in may carry the new cookie (the answer arrived), the old one, which no longer counts, or
 * none (it was lost). Without this, such a retry would be a new request, and be applied twice.
 */
export async function reserveForSuccessors(
  store: SystemStore,
  principal: string | null,
  one: Reservation,
  requestId: string,
): Promise<void> {
  for (const name of new Set([principal, null])) await reserve(store, name, one, requestId)
}

/** Forgets keys that are old enough. */
export function sweepReservations(store: SystemStore): Promise<void> {
  return sweepEverywhere(store, 'requests', 'keep_until < now()')
}
