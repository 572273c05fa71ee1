import { goalRow, interval, type Row } from '../kit/report.ts'
import { estimate, median, quantile, ratios } from '../kit/stats.ts'
import type { Drains } from './drain.ts'
import { CONCURRENCIES, type EnqueueSamples } from './enqueue.ts'
import type { PickUps } from './pick-up.ts'

const GOAL = { text: '≥ 1.0', bound: 1, better: 'higher' } as const
const PICK_UP_GOAL = { text: '≤ 4 ms', bound: 4, better: 'lower' } as const

export function drainRows(drains: Drains): Row[] {
  const of = (name: string, pick: (drain: Drains[string][number]) => number): number[] =>
    (drains[name] ?? []).map(pick)
  const rate = (name: string): number[] => of(name, ({ jobs, seconds }) => jobs / seconds)
  const ratio = estimate(ratios(rate('tenfold'), rate('graphile-worker')))
  const each = Object.keys(drains).flatMap((name) => {
    const row = (figure: string, values: number[], digits: number, unit: string): Row => ({
      figure: `worked off: ${name}, ${figure}`,
      value: interval(estimate(values), digits) + unit,
    })
    return [
      row('jobs/s', rate(name), 0, ''),
      row(
        'CPU of Node.js a job',
        of(name, ({ nodeUs }) => nodeUs),
        1,
        ' µs',
      ),
      row(
        'CPU of PostgreSQL a job',
        of(name, ({ postgresUs }) => postgresUs),
        1,
        ' µs',
      ),
      row(
        'from start to the first job',
        of(name, ({ startMs }) => startMs),
        0,
        ' ms',
      ),
    ]
  })
  return [goalRow('worked off: jobs/s, ratio to graphile-worker', GOAL, ratio), ...each]
}

export function enqueueRows(samples: EnqueueSamples): Row[] {
  return CONCURRENCIES.flatMap((concurrent) => {
    const key = (name: string): string => `${name}, ${concurrent} at a time`
    const of = (name: string, pick: (sample: EnqueueSamples[string][number]) => number): number[] =>
      (samples[key(name)] ?? []).map(pick)
    const rate = (name: string): number[] => of(name, ({ perSecond }) => perSecond)
    const each = ['tenfold', 'pg-boss', 'graphile-worker'].flatMap((name): Row[] => [
      { figure: `recorded: ${key(name)}, transactions/s`, value: interval(estimate(rate(name)), 0) },
      {
        figure: `recorded: ${key(name)}, CPU of Node.js a transaction`,
        value: `${interval(estimate(of(name, ({ nodeUs }) => nodeUs)), 0)} µs`,
      },
      {
        figure: `recorded: ${key(name)}, CPU of PostgreSQL a transaction`,
        value: `${interval(estimate(of(name, ({ postgresUs }) => postgresUs)), 0)} µs`,
      },
    ])
    const compare = (peer: string): ReturnType<typeof estimate> =>
      estimate(ratios(rate('tenfold'), rate(peer)))
    const figure = (peer: string): string =>
      `recorded: ${concurrent} at a time, transactions/s, ratio to ${peer}`
    return [
      goalRow(figure('pg-boss'), GOAL, compare('pg-boss')),
      { figure: figure('graphile-worker'), value: interval(compare('graphile-worker')) },
      ...each,
    ]
  })
}

export function pickUpRows(pickUps: PickUps): Row[] {
  return Object.entries(pickUps).flatMap(([name, rounds]) => {
    const p50 = estimate(rounds.map(median))
    const figure = `picked up when idle: ${name}, p50`
    const all = rounds.flat().toSorted((a, b) => a - b)
    return [
      name === 'tenfold'
        ? goalRow(figure, PICK_UP_GOAL, p50, ' ms')
        : { figure, value: `${interval(p50)} ms` },
      { figure: `picked up when idle: ${name}, p99 of all`, value: `${quantile(all, 0.99).toFixed(2)} ms` },
    ]
  })
}
