import { goalRow, interval, type Row } from '../kit/report.ts'
import { estimate, ratios } from '../kit/stats.ts'

export interface CommitSample {
  /** Elapsed time divided by the number of commits. */
  readonly msPerCommit: number
  /** CPU of the Node.js process and of PostgreSQL until nothing is left to run or to deliver, in microseconds for each commit. */
  readonly nodeUs: number
  readonly postgresUs: number
}

export type CommitSamples = Readonly<Record<string, readonly CommitSample[]>>

export const PLAIN = 'without'
export const PROMISED = 'with a job and two invalidations'
const GOAL = { text: '≤ 1.3', bound: 1.3, better: 'lower' } as const

export function rows(samples: CommitSamples, concurrent: number): Row[] {
  const of = (name: string, pick: (sample: CommitSample) => number): number[] =>
    (samples[name] ?? []).map(pick)
  const ms = (name: string): number[] => of(name, ({ msPerCommit }) => msPerCommit)
  const prefix = `${concurrent} at a time, commit`
  return Object.keys(samples).flatMap((name): Row[] => {
    const own: Row[] = [
      { figure: `${prefix} ${name}: time`, value: `${interval(estimate(ms(name)), 3)} ms` },
      {
        figure: `${prefix} ${name}: CPU of Node.js, all followed`,
        value: `${interval(estimate(of(name, ({ nodeUs }) => nodeUs)), 0)} µs`,
      },
      {
        figure: `${prefix} ${name}: CPU of PostgreSQL, all followed`,
        value: `${interval(estimate(of(name, ({ postgresUs }) => postgresUs)), 0)} µs`,
      },
    ]
    if (name === PLAIN) return own
    const ratio = estimate(ratios(ms(name), ms(PLAIN)))
    const figure = `${prefix} ${name}: time as a ratio to one without`
    return [name === PROMISED ? goalRow(figure, GOAL, ratio) : { figure, value: interval(ratio) }, ...own]
  })
}
