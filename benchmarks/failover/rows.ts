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

/** One contender's rounds. */
interface Contender {
  readonly name: string
  readonly of: readonly Sample[]
}
type Figure = (sample: Sample) => number

const isJudged = ({ name }: Contender): boolean => STALLS_MS[name] !== undefined
const count = (value: number): string => Math.round(value).toLocaleString('en')

/** A table of its own for each contender; ratios say little where one side is zero. */
export function rows(samples: Samples): Row[] {
  return Object.entries(samples).flatMap(([name, of]) => rowsOf({ name, of }))
}

function rowsOf(one: Contender): Row[] {
  return [
    typical(one, 'failed requests', ({ failedWrites, failedReads }) => failedWrites + failedReads, '', 0),
    typical(one, 'no write answered for', ({ noWriteMs }) => noWriteMs, ' ms'),
    typical(one, 'no read answered for', ({ noReadMs }) => noReadMs, ' ms'),
    typical(one, 'slowest answered request', ({ longestMs }) => longestMs, ' ms', STALLS_MS[one.name]),
    ...worst(one, 'slowest answered request', ({ longestMs }) => longestMs),
    typical(one, 'redundant again after', ({ redundantMs }) => redundantMs, ' ms', REDUNDANT_MS),
    total(one, 'acknowledged writes lost', ({ lost }) => lost),
    total(one, 'writes applied twice', ({ doubled }) => doubled),
    total(one, 'writes of unknown outcome', ({ unknownWrites }) => unknownWrites),
    total(one, 'reads that missed an acknowledged write', ({ missed }) => missed),
  ]
}

/** The median, and the worst beside it. */
function typical(one: Contender, figure: string, value: Figure, unit: string, bound?: number): Row {
  const values = one.of.map(value)
  const plain = { figure: '', value: `${interval(estimate(values), 0)}${unit}` }
  const row =
    bound === undefined || !isJudged(one)
      ? plain
      : goalRow('', { text: `≤ ${count(bound)}${unit}`, bound, better: 'lower' }, estimate(values), unit, 0)
  const most = `${count(maximum(values))}${unit}`
  return { ...row, figure: `${one.name}: ${figure}`, value: `${row.value}, at most ${most}` }
}

function worst({ name, of }: Contender, figure: string, value: Figure): Row[] {
  const bound = WORST_MS[name]
  if (bound === undefined) return []
  const most = maximum(of.map(value))
  const verdict = most <= bound ? 'met' : 'missed'
  return [
    {
      figure: `${name}: ${figure}, all rounds`,
      value: `${count(most)} ms`,
      goal: `≤ ${count(bound)} ms`,
      verdict,
    },
  ]
}

function total(one: Contender, figure: string, value: Figure): Row {
  const all = sum(one.of.map(value))
  const verdict = all === 0 ? 'met' : 'missed'
  return {
    figure: `${one.name}: ${figure}, all rounds`,
    value: String(all),
    ...(isJudged(one) && { goal: '0', verdict }),
  }
}
