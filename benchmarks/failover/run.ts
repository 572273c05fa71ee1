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

process.stderr.write(`About ${rounds * contenders.length} minutes\n`)
const samples = new Map<string, Sample[]>()
let at = 0
try {
  await Promise.all(contenders.map((contender) => contender.start()))
  const measured = await alternate(
    contenders.map((contender) => ({ name: contender.name, sample: () => round(contender, at++) })),
    rounds,
    (done, latest) => {
      for (const [name, { failedWrites, failedReads, noWriteMs, redundantMs, lost, doubled }] of latest)
        process.stderr.write(
          `round ${done + 1}: ${name}: ${failedWrites + failedReads} failed, no write for ${Math.round(noWriteMs)} ms, whole after ${Math.round(redundantMs)} ms, ${lost} lost, ${doubled} doubled\n`,
        )
    },
  )
  for (const [name, list] of measured) samples.set(name, list)
} finally {
  for (const contender of contenders) await contender.stop()
}

const found = Object.fromEntries(samples)
finish(
  {
    topic: 'Failover',
    machine,
    rounds,
    how: `${rounds} alternations; SIGKILL of the primary under 200 writes/s and 1,500 reads/s`,
    rows: rows(found),
    samples: found,
  },
  save ? import.meta.dirname : undefined,
)
