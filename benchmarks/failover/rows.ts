import { interval, type Row } from '../kit/report.ts'
import { estimate, maximum } from '../kit/stats.ts'
import type { Sample } from './round.ts'

export type Samples = Record<string, Sample[]>

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0)

/** A table of its own for each contender; ratios say little where one side is zero. */
export function rows(samples: Samples): Row[] {
  return Object.entries(samples).flatMap(([name, of]) => {
    const pick = (value: (sample: Sample) => number): number[] => of.map(value)
    const typical = (figure: string, values: number[], unit = ''): Row => ({
      figure: `${name}: ${figure}`,
      value: `${interval(estimate(values), 0)}${unit}, at most ${Math.round(maximum(values)).toLocaleString('en')}${unit}`,
    })
    const total = (figure: string, values: number[]): Row => ({
      figure: `${name}: ${figure}, all rounds`,
      value: String(sum(values)),
    })
    return [
      typical(
        'failed requests',
        pick(({ failedWrites, failedReads }) => failedWrites + failedReads),
      ),
      typical(
        'no write answered for',
        pick(({ noWriteMs }) => noWriteMs),
        ' ms',
      ),
      typical(
        'no read answered for',
        pick(({ noReadMs }) => noReadMs),
        ' ms',
      ),
      typical(
        'slowest answered request',
        pick(({ longestMs }) => longestMs),
        ' ms',
      ),
      typical(
        'redundant again after',
        pick(({ redundantMs }) => redundantMs),
        ' ms',
      ),
      total(
        'acknowledged writes lost',
        pick(({ lost }) => lost),
      ),
      total(
        'writes applied twice',
        pick(({ doubled }) => doubled),
      ),
      total(
        'writes of unknown outcome',
        pick(({ unknownWrites }) => unknownWrites),
      ),
      total(
        'reads that missed an acknowledged write',
        pick(({ missed }) => missed),
      ),
    ]
  })
}
