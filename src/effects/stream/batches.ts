import type { DeliveredEffects, Effects, Purge } from '../../core/effects.ts'
import type { Down, SentEffects } from './messages.ts'

/** Characters of keys in one message. JSON makes at most six bytes of one, which has to fit into a frame. */
const PART_CHARS = 256 * 2 ** 10
/** Nothing is stored under a longer key, and no edge has a longer address. */
const KEY_CHARS_MAX = 64 * 2 ** 10
/** Beside its keys, what a row takes. */
const ROW_CHARS = 80

type EffectsMessage = Extract<Down, { kind: 'effects' }>

/** A batch as messages, with the number by which it is acknowledged. */
export interface NumberedBatch {
  readonly number: number
  readonly messages: readonly EffectsMessage[]
}

/** Makes messages of a cluster's batches, once for all subscribers. */
export class Batches {
  readonly #cluster: string
  #batch: readonly DeliveredEffects[] | undefined
  #made: NumberedBatch = { number: 0, messages: [] }

  constructor(cluster: string) {
    this.#cluster = cluster
  }

  of(batch: readonly DeliveredEffects[]): NumberedBatch {
    if (batch === this.#batch) return this.#made
    const number = this.#made.number + 1
    const parts = partsOf(batch)
    const messages = parts.map((rows, at): EffectsMessage => {
      return { kind: 'effects', cluster: this.#cluster, batch: number, last: at === parts.length - 1, rows }
    })
    this.#batch = batch
    this.#made = { number, messages }
    return this.#made
  }
}

/** Effects commute, so one transaction's may come in several parts. */
function partsOf(batch: readonly DeliveredEffects[]): SentEffects[][] {
  const parts: SentEffects[][] = [[]]
  let left = PART_CHARS
  const add = (row: SentEffects, chars: number): void => {
    if (chars > left && parts.at(-1)?.length !== 0) {
      parts.push([])
      left = PART_CHARS
    }
    parts.at(-1)?.push(row)
    left -= chars
  }
  for (const { marker = '', floor, effects } of batch)
    for (const { part, chars } of divide(effects)) add({ marker, floor, effects: part }, chars + ROW_CHARS)
  return parts
}

/** One transaction's effects in parts that fit into a message; mostly one. */
function* divide({ invalidate = [], purge = [] }: Effects): Generator<{ part: Effects; chars: number }> {
  let keys: string[] = []
  let purges: Purge[] = []
  let chars = 0
  const taken = (): { part: Effects; chars: number } => {
    const part = { invalidate: keys, ...(purges.length > 0 && { purge: purges }) }
    const own = { part, chars }
    keys = []
    purges = []
    chars = 0
    return own
  }
  for (const [length, take] of [
    ...invalidate.map((key) => [key.length, () => keys.push(key)] as const),
    ...purge.map((one) => [JSON.stringify(one).length, () => purges.push(one)] as const),
  ]) {
    if (length > KEY_CHARS_MAX) continue
    if (chars + length + 3 > PART_CHARS) yield taken()
    take()
    chars += length + 3
  }
  yield taken()
}
