import { goalRow, interval, type Row } from '../kit/report.ts'
import { estimate, maximum } from '../kit/stats.ts'
import type { Sample } from './round.ts'

export type Samples = Record<string, Sample[]>

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0)

/** Milliseconds that the slowest answered request may take at the median; nothing may fail, be lost or be applied twice. */
const STALLS_MS: Readonly<Record<string, number>> = {
  Tenfold: 500,
  'Tenfold, primary stopped': 4_000,
  'Tenfold, planned switchover': 150,
}
/** And in the worst of all rounds. */
const WORST_MS: Readonly<Record<string, number>> = { Tenfold: 2_000, 'Tenfold, primary stopped': 4_000 }
const REDUNDANT_MS = 10_000

/** A table of its own for each contender; ratios say little where one side is zero. */
export function rows(samples: Samples): Row[] {
  return Object.entries(samples).flatMap(([name, of]) => {
    const pick = (value: (sample: Sample) => number): number[] => of.map(value)
    const stall = STALLS_MS[name]
    const typical = (figure: string, values: number[], unit = '', bound?: number): Row => {
      const goal = {
        text: `≤ ${bound?.toLocaleString('en')}${unit}`,
        bound: bound ?? 0,
        better: 'lower',
      } as const
      const row =
        stall === undefined || bound === undefined
          ? { figure: '', value: `${interval(estimate(values), 0)}${unit}` }
          : goalRow('', goal, estimate(values), unit, 0)
      const most = Math.round(maximum(values)).toLocaleString('en')
      return { ...row, figure: `${name}: ${figure}`, value: `${row.value}, at most ${most}${unit}` }
    }
    const total = (figure: string, values: number[], judged = true): Row => ({
      figure: `${name}: ${figure}, all rounds`,
      value: String(sum(values)),
      ...(stall !== undefined && judged && { goal: '0', verdict: sum(values) === 0 ? 'met' : 'missed' }),
    })
    const worst = (figure: string, values: number[], bound: number | undefined): Row[] => {
      if (bound === undefined) return []
      const most = maximum(values)
      const value = `${Math.round(most).toLocaleString('en')} ms`
      const goal = `≤ ${bound.toLocaleString('en')} ms`
      return [
        { figure: `${name}: ${figure}, all rounds`, value, goal, verdict: most <= bound ? 'met' : 'missed' },
      ]
    }
    return [
      typical(
        'failed requests',
        pick(({ failedWrites, failedReads }) => failedWrites + failedReads),
        '',
        0,
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
        stall,
      ),
      ...worst(
        'slowest answered request',
        pick(({ longestMs }) => longestMs),
        WORST_MS[name],
      ),
      typical(
        'redundant again after',
        pick(({ redundantMs }) => redundantMs),
        ' ms',
        REDUNDANT_MS,
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
