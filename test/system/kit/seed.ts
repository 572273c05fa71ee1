import { randomInt } from 'node:crypto'
import { type RandomSource, seededRandom } from '../../../src/core/random.ts'

/** The seed of this run: `TENFOLD_SEED` replays an earlier one. */
export function chooseSeed(): number {
  const given = process.env.TENFOLD_SEED
  if (given === undefined) return randomInt(2 ** 31)
  if (!/^\d{1,15}$/.test(given)) throw new RangeError(`TENFOLD_SEED is no whole number: ${given}`)
  return Number(given)
}

/** Whether the long form is asked for. */
export const LONG = process.env.TENFOLD_TEST_LONG === '1'

/** Choices drawn from a seed; each `branch` is independent of how much the others draw. */
export class Dice {
  readonly #seed: number
  readonly #source: RandomSource

  constructor(seed: number) {
    this.#seed = seed
    this.#source = seededRandom(seed)
  }

  branch(at: number): Dice {
    return new Dice(this.#seed * 1009 + at + 1)
  }

  /** A whole number from 0 up to, not including, `below`. */
  below(below: number): number {
    return Math.floor(this.#source.next() * below)
  }

  chance(probability: number): boolean {
    return this.#source.next() < probability
  }

  pick<Value>(values: readonly Value[]): Value {
    return values[this.below(values.length)]!
  }

  /** A UUID, for an Idempotency-Key. */
  uuid(): string {
    const hex = this.#source.bytes(16).toString('hex')
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20)}`
  }
}
