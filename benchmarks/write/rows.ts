import { goalRow, interval, type Row } from '../kit/report.ts'
import { estimate, ratios } from '../kit/stats.ts'

export interface WriteSample {
  /** Elapsed time divided by the number of writes. */
  readonly msPerWrite: number
  /** CPU of the Node.js process, in microseconds for each write. */
  readonly nodeUs: number
  /** CPU of all PostgreSQL processes, likewise. */
  readonly postgresUs: number
}

/** Each of ours with the peer that writes alike; only the first pair is promised something. */
const PEERS: Readonly<Record<string, string>> = {
  'write() with query': 'pg',
  'write() with Kysely': 'Kysely over pg',
}
const PROMISED = 'write() with query'

export function rows(
  samples: Readonly<Record<string, readonly WriteSample[]>>,
  kind: string,
  bound?: number,
): Row[] {
  const times = (name: string): number[] => (samples[name] ?? []).map(({ msPerWrite }) => msPerWrite)
  return Object.keys(samples).flatMap((name) => {
    const cpu = (pick: (sample: WriteSample) => number): string =>
      `${interval(estimate((samples[name] ?? []).map(pick)), 0)} µs`
    const own: Row[] = [
      { figure: `${kind}: ${name}, time a write`, value: `${interval(estimate(times(name)), 3)} ms` },
      { figure: `${kind}: ${name}, CPU of Node.js a write`, value: cpu(({ nodeUs }) => nodeUs) },
      { figure: `${kind}: ${name}, CPU of PostgreSQL a write`, value: cpu(({ postgresUs }) => postgresUs) },
    ]
    const [ours = '', rest] = name.split(/(?=, )/)
    const peer = PEERS[ours]
    if (peer === undefined) return own
    const ratio = estimate(ratios(times(name), times(peer + rest)))
    const figure = `${kind}: ${name}, time as a ratio to ${peer}`
    return [
      bound !== undefined && ours === PROMISED
        ? goalRow(figure, { text: `≤ ${bound}`, bound, better: 'lower' }, ratio)
        : { figure, value: interval(ratio) },
      ...own,
    ]
  })
}
