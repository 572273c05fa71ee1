import { execFileSync } from 'node:child_process'
import { ensurePatroni } from '../../scripts/patroni.js'
import { FASTEST, SHIPPED } from '../../test/system/patroni/settings.ts'
import { alternate } from '../kit/alternate.ts'
import { describeMachine } from '../kit/machine.ts'
import { readOptions } from '../kit/options.ts'
import { finish } from '../kit/report.ts'
import type { Contender } from './contender.ts'
import { Patroni } from './patroni.ts'
import { round, type Sample } from './round.ts'
import { rows } from './rows.ts'
import { Tenfold } from './tenfold.ts'

const CONTENDERS: readonly Contender[] = [
  new Tenfold('Tenfold', 'SIGKILL'),
  new Tenfold('Tenfold, primary stopped', 'SIGSTOP'),
  new Tenfold('Tenfold, planned switchover', 'restart'),
  new Patroni({ name: 'Patroni as shipped', tuning: SHIPPED, back: 'after the failover' }),
  new Patroni({ name: 'Patroni at its fastest', tuning: FASTEST, back: 'after the failover' }),
  new Patroni({ name: 'Patroni, its primary restarted at once', tuning: SHIPPED, back: 'at once' }),
]

const { rounds, save, words } = readOptions()
const contenders = CONTENDERS.filter(
  ({ name }) => words.length === 0 || words.some((word) => name.includes(word)),
)
const programs = ensurePatroni(process.env)
const version = (program: string): string =>
  /\d+(\.\d+)+/.exec(execFileSync(program, ['--version'], { encoding: 'utf8' }))?.[0] ?? ''
const postgres = version(`${programs.pgBin}/postgres`)
const machine = describeMachine(
  `${postgres} under Patroni ${version(programs.patroni)} and etcd ${version(programs.etcd)}`,
)

process.stderr.write(`About ${Math.ceil(rounds * contenders.length * 0.75)} minutes\n`)
const samples: Record<string, Sample[]> = Object.fromEntries(contenders.map(({ name }) => [name, []]))
const say = (
  name: string,
  { failedWrites, failedReads, noWriteMs, longestMs, redundantMs, lost, doubled }: Sample,
) =>
  process.stderr.write(
    `${name}: ${failedWrites + failedReads} failed, no write for ${Math.round(noWriteMs)} ms, slowest ${Math.round(longestMs)} ms, whole after ${Math.round(redundantMs)} ms, ${lost} lost, ${doubled} doubled\n`,
  )

/** A contender has the machine for itself: five others that idle would take a third of a processor from it. */
async function turn(contender: Contender): Promise<void> {
  try {
    await contender.start()
    for (let at = 0; at < contender.rounds; at++) {
      const sample = await round(contender, at)
      samples[contender.name]!.push(sample)
      say(contender.name, sample)
    }
  } finally {
    await contender.stop()
  }
}

await alternate(
  contenders.map((contender) => ({ name: contender.name, sample: () => turn(contender) })),
  rounds,
)
finish(
  {
    topic: 'Failover',
    machine,
    rounds,
    how: `${rounds} alternations, each system alone on the machine, Tenfold twice each time; loss of the primary under 200 writes/s and 1,500 reads/s`,
    rows: rows(samples),
    samples,
  },
  save ? import.meta.dirname : undefined,
)
