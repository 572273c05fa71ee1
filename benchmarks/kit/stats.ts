/** A median with its distribution-free interval. */
export interface Estimate {
  readonly median: number
  /** Ends of the interval that holds the true median with at least 95% confidence. */
  readonly low: number
  readonly high: number
  readonly count: number
}

/** Fewer values than this have no interval of 95%: even the whole range is surer of less. */
export const COUNT_MIN = 6

const CONFIDENCE = 0.95

/**
 * The median and its 95% interval by order statistics: the number of values below the true median is binomial
 * with p = 1/2 whatever the distribution, so no resampling and no assumption is needed.
 */
export function estimate(values: readonly number[]): Estimate {
  if (values.length === 0) throw new RangeError('There is nothing to estimate')
  const sorted = values.toSorted((a, b) => a - b)
  const rank = lowerRank(sorted.length)
  return {
    median: quantile(sorted, 0.5),
    low: sorted[rank] as number,
    high: sorted[sorted.length - 1 - rank] as number,
    count: sorted.length,
  }
}

/** The highest index from below (0 is the smallest value) whose symmetric interval still has the confidence. */
function lowerRank(count: number): number {
  let rank = 0
  let outside = 2 * 0.5 ** count // both tails with no value beyond the interval
  let term = 0.5 ** count
  for (let k = 1; k < count / 2; k++) {
    term *= (count - k + 1) / k
    outside += 2 * term
    if (1 - outside < CONFIDENCE) break
    rank = k
  }
  return rank
}

/** Of sorted values, with linear interpolation. */
export function quantile(sorted: readonly number[], q: number): number {
  const at = (sorted.length - 1) * q
  const low = sorted[Math.floor(at)] as number
  const high = sorted[Math.ceil(at)] as number
  return low + (high - low) * (at - Math.floor(at))
}

export const median = (values: readonly number[]): number =>
  quantile(
    values.toSorted((a, b) => a - b),
    0.5,
  )

export const maximum = (values: readonly number[]): number => values.reduce((a, b) => Math.max(a, b))

/** Ratios of values that were measured side by side. */
export function ratios(ours: readonly number[], theirs: readonly number[]): number[] {
  return ours.map((value, at) => value / (theirs[at] as number))
}
