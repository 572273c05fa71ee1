import { statSync, utimesSync } from 'node:fs'
import type { Clock } from '../core/clock.ts'
import { type Placement, rowPlace } from '../core/keys.ts'
import type { SystemStatement, SystemStore } from '../core/ports.ts'
import { BlobMissing, BlobOptionInvalid } from './errors.ts'
import { type Intact, isMissing } from './intact.ts'
import { isBlobId, type Places } from './places.ts'

/** The name is part of an index. */
const NAME_LENGTH_MAX = 200

function checkName(name: string): void {
  if (typeof name === 'string' && name.length > 0 && name.length <= NAME_LENGTH_MAX && !name.includes('\0'))
    return
  throw new BlobOptionInvalid(
    'A blob is kept under a name of 1 to 200 characters.',
    "Name what it is for, with an id that is unique in the app, e.g. 'photo/12'.",
  )
}

function params(placement: Placement | 'home', blob: string, name: string): unknown[] {
  const { bucket, tag } = rowPlace(placement)
  return [bucket, tag, blob, name]
}

/** For the transaction that needs a blob. */
export function attachStatement(placement: Placement | 'home', blob: string, name: string): SystemStatement {
  checkName(name)
  return {
    sql: `insert into tenfold.blob_refs (bucket, tag, blob, name) values ($1::int, $2::int, decode($3, 'hex'), $4) on conflict do nothing`,
    params: params(placement, blob, name),
  }
}

/** For the transaction that gives it up. */
export function detachStatement(placement: Placement | 'home', blob: string, name: string): SystemStatement {
  checkName(name)
  if (!isBlobId(blob)) throw new BlobMissing(String(blob))
  return {
    sql: `delete from tenfold.blob_refs where bucket = $1::int and tag = $2::int and blob = decode($3, 'hex') and name = $4`,
    params: params(placement, blob, name),
  }
}

/**
 * Makes a blob young, so that no collector takes it before the transaction that refers to it has ended. In one step:
 * the collector of this process cannot come in between, those of others look at the time once more after they took it.
 *
 * @throws BlobMissing
 */
export function keepYoung(places: Places, intact: Intact, clock: Clock, id: string): void {
  const path = places.file(id)
  try {
    const before = statSync(path, { bigint: true })
    const now = clock.now() / 1000
    utimesSync(path, now, now)
    intact.touched(id, before, statSync(path, { bigint: true }))
  } catch (error) {
    throw isMissing(error) ? new BlobMissing(id) : error
  }
}

/** Which of these blobs some cluster has a row for. */
export async function referenced(store: SystemStore, ids: readonly string[]): Promise<Set<string>> {
  const found = new Set<string>()
  await store.everywhere(async (tx) => {
    const rows = await tx.query<{ id: string }>(
      `select distinct encode(blob, 'hex') as id from tenfold.blob_refs
        where blob = any (select decode(one, 'hex') from unnest($1::text[]) as one)`,
      [ids],
    )
    for (const { id } of rows) found.add(id)
  })
  return found
}
