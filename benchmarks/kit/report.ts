import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { load, type Machine, machineLines } from './machine.ts'
import { COUNT_MIN, type Estimate } from './stats.ts'

/** A figure that was promised. */
export interface Goal {
  readonly text: string
  readonly bound: number
  readonly better: 'higher' | 'lower'
}

export type Verdict = 'met' | 'met within the interval' | 'missed'

/** A goal is met when the interval allows it; whether it is met for certain is said, too. */
export function judge({ bound, better }: Goal, { median, low, high }: Estimate): Verdict {
  const sign = better === 'higher' ? 1 : -1
  const [worst, best] = sign > 0 ? [low, high] : [-high, -low]
  if (worst >= sign * bound || (low === high && sign * median >= sign * bound)) return 'met'
  return best >= sign * bound ? 'met within the interval' : 'missed'
}

/** One line of a summary's table. */
export interface Row {
  readonly figure: string
  readonly value: string
  readonly goal?: string
  readonly verdict?: Verdict
}

export interface Report {
  readonly topic: string
  readonly machine: Machine
  readonly how: string
  readonly rounds: number
  readonly rows: readonly Row[]
  /** Everything that was measured, for results/*.json. */
  readonly samples: unknown
}

export const number = (value: number, digits = 2): string =>
  value >= 1000 ? Math.round(value).toLocaleString('en') : value.toFixed(digits)

/** `1.23 (1.20 to 1.26)` */
export const interval = ({ median, low, high }: Estimate, digits = 2): string =>
  `${number(median, digits)} (${number(low, digits)} to ${number(high, digits)})`

export function goalRow(figure: string, goal: Goal, estimate: Estimate, unit = '', digits = 2): Row {
  return {
    figure,
    value: `${interval(estimate, digits)}${unit}`,
    goal: goal.text,
    verdict: judge(goal, estimate),
  }
}

/** Prints the summary; with `folder`, also writes `results/` there. */
export function finish(report: Report, folder: string | undefined): void {
  report.machine.loadAfter = load()
  const text = summary(report)
  process.stdout.write(`${text}\n`)
  if (folder === undefined) return
  const results = join(folder, 'results')
  mkdirSync(results, { recursive: true })
  const { commit, date } = report.machine
  const name = `${date.slice(0, 10)}-${commit.slice(0, 7)}`
  writeFileSync(join(results, `${name}.json`), `${JSON.stringify(report, null, 1)}\n`)
  writeFileSync(join(results, 'summary.md'), `${text}\n`)
}

function summary({ topic, machine, how, rounds, rows }: Report): string {
  return [
    `# ${topic}`,
    '',
    ...machineLines(machine),
    `- ${how}`,
    '',
    rounds < COUNT_MIN
      ? 'Medians with their ranges: too few rounds for intervals.'
      : 'Medians with their 95% intervals (order statistics) in parentheses.',
    '',
    '| figure | measured | goal | |',
    '| --- | --- | --- | --- |',
    ...rows.map(
      ({ figure, value, goal = '', verdict = '' }) => `| ${figure} | ${value} | ${goal} | ${verdict} |`,
    ),
  ].join('\n')
}
