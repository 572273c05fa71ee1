import { goalRow, interval, type Row } from '../kit/report.ts'
import { estimate, ratios } from '../kit/stats.ts'

export interface ReadsSample {
  readonly perSecond: number
  /** CPU of the process that reads, in microseconds for each read. */
  readonly nodeUs: number
  /** CPU of all PostgreSQL processes, likewise. */
  readonly postgresUs: number
}

/** Who answered the reads of a mixed load. */
export interface Share {
  readonly reads: number
  readonly replica: number
  readonly primary: number
  /** Those that waited for a replica to catch up; they are among the others. */
  readonly waits: number
}

const CPU = { text: '≤ 1.05', bound: 1.05, better: 'lower' } as const
const LEFT = { text: '≥ 95%', bound: 95, better: 'higher' } as const

const LABELS: Readonly<Record<string, string>> = {
  causal: 'reads with a token',
  lane: 'the same sessions, no token',
  pool: 'pg pools over the replicas',
}

export function rows(samples: ReadonlyMap<string, readonly ReadsSample[]>, shares: readonly Share[]): Row[] {
  const of = (name: string, pick: (sample: ReadsSample) => number): number[] =>
    (samples.get(name) ?? []).map(pick)
  const cpu = (name: string): number[] => of(name, ({ nodeUs, postgresUs }) => nodeUs + postgresUs)
  const each = [...samples.keys()].flatMap((name): Row[] => [
    {
      figure: `${LABELS[name]}: reads/s`,
      value: interval(estimate(of(name, ({ perSecond }) => perSecond)), 0),
    },
    {
      figure: `${LABELS[name]}: CPU of Node.js a read`,
      value: `${interval(estimate(of(name, ({ nodeUs }) => nodeUs)), 1)} µs`,
    },
    {
      figure: `${LABELS[name]}: CPU of PostgreSQL a read`,
      value: `${interval(estimate(of(name, ({ postgresUs }) => postgresUs)), 1)} µs`,
    },
  ])
  const share = (pick: (share: Share) => number) =>
    estimate(shares.map((one) => (pick(one) / one.reads) * 100))
  return [
    goalRow(
      'CPU of a read, Node.js and PostgreSQL, ratio to pg pools over the replicas',
      CPU,
      estimate(ratios(cpu('causal'), cpu('pool'))),
    ),
    {
      figure: 'CPU of a read, ratio to the same sessions without token, position and choice',
      value: interval(estimate(ratios(cpu('causal'), cpu('lane')))),
    },
    goalRow(
      '9 reads to 1 write: reads that left the primary',
      LEFT,
      share(({ replica }) => replica),
      '%',
      1,
    ),
    {
      figure: '9 reads to 1 write: reads that waited for a replica',
      value: `${interval(
        share(({ waits }) => waits),
        1,
      )}%`,
    },
    { figure: '9 reads to 1 write: reads that did not show the last write of their session', value: '0' },
    ...each,
  ]
}
