import type { DeliveredEffects, Purge } from '../../core/effects.ts'
import { formatLsn, type Lsn, parseLsn } from '../../core/lsn.ts'
import type { Term } from './term.ts'

/** Of the protocol; the two sides are released together, so anything else is refused. */
export const VERSION = 1
/** Bytes of a frame from the relay. A batch takes as many frames as it needs. */
export const DOWN_BYTES_MAX = 4 * 2 ** 20
/** Bytes of a frame to the relay. */
export const UP_BYTES_MAX = 64 * 2 ** 10

/** An effect on its way, with the marker of its commit. */
export interface SentEffects extends DeliveredEffects {
  readonly marker: string
}

/** From the relay to a subscriber. */
export type Down =
  | { readonly kind: 'challenge'; readonly nonce: string }
  | { readonly kind: 'welcome'; readonly proof: string }
  /** This relay leads; what follows is its stream, which begins with nothing. */
  | { readonly kind: 'begin'; readonly cluster: string; readonly term: Term }
  /** Part of a batch. After the last part the subscriber answers with `applied`. */
  | {
      readonly kind: 'effects'
      readonly cluster: string
      readonly batch: number
      readonly last: boolean
      readonly rows: readonly SentEffects[]
    }
  /** `tick`: the last one of this subscriber that was here before the LSN was noted. */
  | {
      readonly kind: 'position'
      readonly cluster: string
      readonly lsn: Lsn
      readonly timeline: number
      readonly tick: number
    }
  /** This relay leads no longer. */
  | { readonly kind: 'end'; readonly cluster: string }
  | { readonly kind: 'alive' }

/** From a subscriber to the relay. */
export type Up =
  | {
      readonly kind: 'hello'
      readonly version: number
      readonly name: string
      readonly nonce: string
      readonly proof: string
      readonly clusters: readonly string[]
    }
  /** A time of the subscriber's own monotonic clock, in milliseconds; nobody else reads it. */
  | { readonly kind: 'tick'; readonly tick: number }
  | { readonly kind: 'demand'; readonly cluster: string; readonly lsn: Lsn }
  /** A commit has left something; `given`: the subscriber itself has it. */
  | { readonly kind: 'nudge'; readonly cluster: string; readonly given: boolean }
  | { readonly kind: 'applied'; readonly cluster: string; readonly batch: number }

/** A message that the other side could not have sent. */
export class Malformed extends Error {}

/** The text of a message: a JSON array that begins with its kind. */
export function encodeDown(message: Down): string {
  const { kind } = message
  switch (message.kind) {
    case 'challenge':
      return JSON.stringify([kind, message.nonce])
    case 'welcome':
      return JSON.stringify([kind, message.proof])
    case 'begin':
      return JSON.stringify([kind, message.cluster, message.term.timeline, String(message.term.xid)])
    case 'effects': {
      const rows = message.rows.map(({ marker, floor, effects: { invalidate = [], purge } }) =>
        purge ? [marker, formatLsn(floor), invalidate, purge] : [marker, formatLsn(floor), invalidate],
      )
      return JSON.stringify([kind, message.cluster, message.batch, message.last, rows])
    }
    case 'position': {
      const { cluster, lsn, timeline, tick } = message
      return JSON.stringify([kind, cluster, formatLsn(lsn), timeline, tick])
    }
    case 'end':
      return JSON.stringify([kind, message.cluster])
    case 'alive':
      return '["alive"]'
  }
}

/** The text of a message: a JSON array that begins with its kind. */
export function encodeUp(message: Up): string {
  const { kind } = message
  switch (message.kind) {
    case 'hello': {
      const { version, name, nonce, proof, clusters } = message
      return JSON.stringify([kind, version, name, nonce, proof, clusters])
    }
    case 'tick':
      return JSON.stringify([kind, message.tick])
    case 'demand':
      return JSON.stringify([kind, message.cluster, formatLsn(message.lsn)])
    case 'nudge':
      return JSON.stringify([kind, message.cluster, message.given])
    case 'applied':
      return JSON.stringify([kind, message.cluster, message.batch])
  }
}

/** @throws Malformed */
export function decodeDown(text: string): Down {
  const [kind, ...rest] = arrayOf(text)
  const [one, two, three, four] = rest
  switch (kind) {
    case 'challenge':
      return { kind, nonce: string(one) }
    case 'welcome':
      return { kind, proof: string(one) }
    case 'begin':
      return { kind, cluster: string(one), term: { timeline: count(two), xid: xid(three) } }
    case 'effects':
      return {
        kind,
        cluster: string(one),
        batch: count(two),
        last: boolean(three),
        rows: array(four).map(row),
      }
    case 'position':
      return { kind, cluster: string(one), lsn: lsn(two), timeline: count(three), tick: number(four) }
    case 'end':
      return { kind, cluster: string(one) }
    case 'alive':
      return { kind }
    default:
      throw new Malformed('an unknown kind of message')
  }
}

/** @throws Malformed */
export function decodeUp(text: string): Up {
  const [kind, one, two, three, four, five] = arrayOf(text)
  switch (kind) {
    case 'hello':
      return {
        kind,
        version: count(one),
        name: string(two),
        nonce: string(three),
        proof: string(four),
        clusters: array(five).map(string),
      }
    case 'tick':
      return { kind, tick: number(one) }
    case 'demand':
      return { kind, cluster: string(one), lsn: lsn(two) }
    case 'nudge':
      return { kind, cluster: string(one), given: boolean(two) }
    case 'applied':
      return { kind, cluster: string(one), batch: count(two) }
    default:
      throw new Malformed('an unknown kind of message')
  }
}

function arrayOf(text: string): unknown[] {
  try {
    return array(JSON.parse(text))
  } catch (cause) {
    throw cause instanceof Malformed ? cause : new Malformed('no JSON', { cause })
  }
}

function row(value: unknown): SentEffects {
  const [marker, floor, invalidate, purge] = array(value)
  return {
    marker: string(marker),
    floor: lsn(floor),
    effects: {
      invalidate: array(invalidate).map(string),
      ...(purge !== undefined && { purge: array(purge) as Purge[] }),
    },
  }
}

function array(value: unknown): unknown[] {
  if (!Array.isArray(value)) throw new Malformed('something else where a list belongs')
  return value
}

function string(value: unknown): string {
  if (typeof value !== 'string') throw new Malformed('something else where a text belongs')
  return value
}

function boolean(value: unknown): boolean {
  if (typeof value !== 'boolean') throw new Malformed('something else where true or false belongs')
  return value
}

function number(value: unknown): number {
  if (typeof value !== 'number' || !Number.isFinite(value))
    throw new Malformed('something else where a number belongs')
  return value
}

function count(value: unknown): number {
  if (!Number.isSafeInteger(value) || (value as number) < 0)
    throw new Malformed('something else where a count belongs')
  return value as number
}

function lsn(value: unknown): Lsn {
  try {
    return parseLsn(string(value))
  } catch (cause) {
    throw new Malformed('something else where an LSN belongs', { cause })
  }
}

function xid(value: unknown): bigint {
  if (!/^\d{1,20}$/.test(string(value))) throw new Malformed('something else where a transaction id belongs')
  return BigInt(value as string)
}
