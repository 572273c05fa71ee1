import type { Load } from '../kit/load.ts'
import { goalRow, interval, type Row } from '../kit/report.ts'
import { estimate, ratios } from '../kit/stats.ts'

export interface ReadSample {
  readonly load: Load
  /** CPU of the web process and of all PostgreSQL, in microseconds for each request. */
  readonly nodeUs: number
  readonly postgresUs: number
  /** Processors that something else kept busy meanwhile. */
  readonly othersCores: number
}

type Samples = ReadonlyMap<string, readonly ReadSample[]>

const GOAL = { text: '≥ 1.2', bound: 1.2, better: 'higher' } as const

const LABELS: Readonly<Record<string, string>> = {
  tenfold: 'Lightbox on Tenfold, as shipped',
  fastify: 'Fastify 5 + pg by hand',
  'fastify-json': 'Fastify 5 + pg, JSON by PostgreSQL',
  bare: 'bare node:http + named statement',
}

export function rows(loaded: Samples, single: Samples): Row[] {
  const of = (samples: Samples, name: string, pick: (sample: ReadSample) => number): number[] =>
    (samples.get(name) ?? []).map(pick)
  const rate = (name: string): number[] => of(loaded, name, ({ load }) => load.requestsPerSecond)
  const peers = [...loaded.keys()].filter((name) => name !== 'tenfold')
  const compared = peers.map((name) => {
    const ratio = estimate(ratios(rate('tenfold'), rate(name)))
    const figure = `requests/s, ratio to ${LABELS[name]}`
    return name === 'bare' ? { figure, value: interval(ratio) } : goalRow(figure, GOAL, ratio)
  })
  const each = [...loaded.keys()].flatMap((name) => {
    const line = (figure: string, values: number[], digits: number, unit: string): Row => ({
      figure: `${LABELS[name]}: ${figure}`,
      value: interval(estimate(values), digits) + unit,
    })
    return [
      line('requests/s', rate(name), 0, ''),
      line(
        'CPU of Node.js a request',
        of(loaded, name, (s) => s.nodeUs),
        1,
        ' µs',
      ),
      line(
        'CPU of PostgreSQL a request',
        of(loaded, name, (s) => s.postgresUs),
        1,
        ' µs',
      ),
      line(
        'latency p50',
        of(loaded, name, ({ load }) => load.p50Ms),
        2,
        ' ms',
      ),
      line(
        'latency p99',
        of(loaded, name, ({ load }) => load.p99Ms),
        2,
        ' ms',
      ),
      line(
        'latency p50, one connection',
        of(single, name, ({ load }) => load.p50Ms),
        3,
        ' ms',
      ),
    ]
  })
  const all = [...loaded.values()].flat()
  return [
    ...compared,
    ...each,
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
