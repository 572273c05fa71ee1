import { hash } from 'node:crypto'
import type { JobPlace } from './types.ts'

const JOB_ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[78][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

/**
 * A job's id: a function of what records it, so that every run of that transaction draws the same. It carries its
 * place as ids of the data tier do: UUIDv7 with the bucket in `rand_a` and the tag in `rand_b`. Home has no bucket; its
 * ids are UUIDv8 of the same form.
 *
 * @param cause a UUID whose time becomes the id's
 */
export function jobId(cause: string, ordinal: number | string, place: JobPlace): string {
  const { bucket, tag } = place === 'home' ? { bucket: 0, tag: 0 } : place
  const digest = hash('sha256', `${cause}/job/${ordinal}`, 'hex')
  const low = ((tag & 0x3f) << 2) | (Number.parseInt(digest[0] as string, 16) & 3)
  const version = place === 'home' ? '8' : '7'
  return `${cause.slice(0, 13)}-${version}${hex(bucket, 3)}-${hex(0x8000 | (tag >>> 6), 4)}-${hex(low, 2)}${digest.slice(1, 11)}`
}

/** Where a job of this id lies; undefined when no job has such an id. */
export function placeOfJob(id: string): JobPlace | undefined {
  if (!JOB_ID.test(id)) return undefined
  if (id[14] === '8') return 'home'
  const bucket = Number.parseInt(id.slice(15, 18), 16)
  const tag =
    ((Number.parseInt(id.slice(19, 23), 16) & 0x3fff) << 6) | (Number.parseInt(id.slice(24, 26), 16) >>> 2)
  return { bucket, tag }
}

const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, '0')
