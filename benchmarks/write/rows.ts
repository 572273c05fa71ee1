import { goalRow, interval, type Row } from '../kit/report.ts'
import { estimate, ratios } from '../kit/stats.ts'

export interface WriteSample {
  /** Elapsed time divided by the number of writes. */
  readonly msPerWrite: number
  /** CPU of the Node.js process, in microseconds for each write. */
  readonly nodeUs: number
}

const GOAL = { text: '≤ 1.4', bound: 1.4, better: 'lower' } as const
const PEER = 'bare pg'

export function rows(samples: Readonly<Record<string, readonly WriteSample[]>>, kind: string, judged: boolean): Row[] {
  const times = (name: string): number[] => (samples[name] ?? []).map(({ msPerWrite }) => msPerWrite)
  return Object.keys(samples).flatMap((name) => {
    const cpu = estimate((samples[name] ?? []).map(({ nodeUs }) => nodeUs))
    const own: Row[] = [
      { figure: `${kind}: ${name}, time a write`, value: `${interval(estimate(times(name)), 3)} ms` },
      { figure: `${kind}: ${name}, CPU of Node.js a write`, value: `${interval(cpu, 0)} µs` },
    ]
    if (name.startsWith(PEER)) return own
    const ratio = estimate(ratios(times(name), times(name.replace(/^[^,]+/, PEER))))
    const figure = `${kind}: ${name}, time as a ratio to ${PEER}`
    return [judged ? goalRow(figure, GOAL, ratio) : { figure, value: interval(ratio) }, ...own]
  })
}
