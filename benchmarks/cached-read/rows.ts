import type { Load } from '../kit/load.ts'
import { goalRow, interval, type Row } from '../kit/report.ts'
import { estimate, ratios } from '../kit/stats.ts'

export interface CachedSample {
  readonly load: Load
  /** CPU of the web process, in microseconds for each request. */
  readonly nodeUs: number
  /** CPU of all PostgreSQL, the same; of ours only. */
  readonly postgresUs: number
  /** Processors that something else kept busy meanwhile. */
  readonly othersCores: number
}

type Samples = ReadonlyMap<string, readonly CachedSample[]>

const GOAL = { text: '≥ 0.7', bound: 0.7, better: 'higher' } as const

const LABELS: Readonly<Record<string, string>> = {
  tenfold: 'Lightbox on Tenfold, as shipped',
  bare: 'bare node:http with a Map',
}

/** @param hits share of the requests that the in-process level of the cache answered */
export function rows(loaded: Samples, single: Samples, hits: number): Row[] {
  const of = (samples: Samples, name: string, pick: (sample: CachedSample) => number): number[] =>
    (samples.get(name) ?? []).map(pick)
  const rate = (name: string): number[] => of(loaded, name, ({ load }) => load.requestsPerSecond)
  const cpu = (name: string): number[] => of(loaded, name, (sample) => sample.nodeUs)
  const added = cpu('tenfold').map((us, at) => us - (cpu('bare')[at] as number))
  const each = [...loaded.keys()].flatMap((name): Row[] => {
    const line = (figure: string, values: readonly number[], digits: number, unit: string): Row => ({
      figure: `${LABELS[name]}: ${figure}`,
      value: interval(estimate(values), digits) + unit,
    })
    const ms = (samples: Samples, pick: (load: Load) => number) => of(samples, name, (s) => pick(s.load))
    return [
      line('requests/s', rate(name), 0, ''),
      line('CPU of Node.js a request', cpu(name), 1, ' µs'),
      line(
        'latency p50',
        ms(loaded, (l) => l.p50Ms),
        2,
        ' ms',
      ),
      line(
        'latency p99',
        ms(loaded, (l) => l.p99Ms),
        2,
        ' ms',
      ),
      line(
        'latency p50, one connection',
        ms(single, (l) => l.p50Ms),
        3,
        ' ms',
      ),
    ]
  })
  const all = [...loaded.values()].flat()
  return [
    goalRow(
      'requests/s, ratio to bare node:http with a Map',
      GOAL,
      estimate(ratios(rate('tenfold'), rate('bare'))),
    ),
    {
      figure: 'the same by CPU of Node.js a request',
      value: interval(estimate(ratios(cpu('bare'), cpu('tenfold')))),
    },
    { figure: 'CPU that Tenfold and Lightbox add a request', value: `${interval(estimate(added), 1)} µs` },
    { figure: 'requests answered by the cache', value: `${(hits * 100).toFixed(2)} %` },
    ...each,
    {
      figure: 'CPU of PostgreSQL a request of ours',
      value: `${interval(estimate(of(loaded, 'tenfold', (s) => s.postgresUs)), 2)} µs`,
    },
    {
      figure: 'CPU of the generator a request',
      value: `${interval(estimate(all.map(({ load }) => load.generatorUs)), 1)} µs`,
    },
    {
      figure: 'processors busy with other work meanwhile',
      value: interval(estimate(all.map((s) => s.othersCores))),
    },
  ]
}
