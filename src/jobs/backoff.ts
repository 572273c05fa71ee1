import type { RandomSource } from '../core/random.ts'

/**
 * Milliseconds until the next run, with full jitter: drawn evenly from zero up to a bound that doubles with each
 * attempt (AWS Architecture Blog, "Exponential Backoff and Jitter").
 *
 * @param attempt the one that failed, 1 for the first
 */
export function backoffMs(
  attempt: number,
  [first, longest]: readonly [first: number, longest: number],
  random: RandomSource,
): number {
  const bound = Math.min(longest, first * 2 ** Math.min(attempt - 1, 40))
  return Math.round(random.next() * bound)
}
