import { spawnSync } from 'node:child_process'
import type pg from 'pg'
import lightbox from '../../examples/lightbox/app.ts'
import { startTest } from '../../src/testing/index.ts'
import { testServer } from '../../src/testing/server.ts'
import { alternate } from '../kit/alternate.ts'
import { describeMachine } from '../kit/machine.ts'
import { readOptions } from '../kit/options.ts'
import { ROOT } from '../kit/processes.ts'
import { finish, goalRow, interval, type Row } from '../kit/report.ts'
import { estimate } from '../kit/stats.ts'

const GOAL = { text: '≤ 100 ms', bound: 100, better: 'lower' } as const
const UNIT_GOAL = { text: '≤ 20 s', bound: 20, better: 'lower' } as const
/** One sample is the mean of so many. */
const EACH = 5
const UNIT_RUNS = 3

interface Kind {
  readonly name: string
  readonly clusters: 1 | 2
  readonly seed: boolean
}
const KINDS: Kind[] = [
  { name: 'a fresh test database (startTest until it answers)', clusters: 1, seed: false },
  { name: "the same with the app's seed", clusters: 1, seed: true },
  { name: 'the same on two clusters', clusters: 2, seed: false },
]

const options = readOptions()
const [version] = await (await testServer()).run<{ server_version: string } & pg.QueryResultRow>(
  'show server_version',
)
const machine = describeMachine((version?.server_version ?? '').split(' ')[0] as string)

const firsts: Record<string, number> = {}
for (const kind of KINDS) firsts[kind.name] = await fresh(kind)
const samples = await alternate(
  KINDS.map((kind) => ({
    name: kind.name,
    sample: async () => {
      let sum = 0
      for (let i = 0; i < EACH; i++) sum += await fresh(kind)
      return sum / EACH
    },
  })),
  options.rounds,
)
const units = options.words.includes('unit') ? Array.from({ length: UNIT_RUNS }, unitSeconds) : []

const rows: Row[] = KINDS.map(({ name }, at) => {
  const found = estimate(samples.get(name) ?? [])
  return at === 0 ? goalRow(name, GOAL, found, ' ms', 1) : { figure: name, value: `${interval(found, 1)} ms` }
})
rows.push({
  figure: 'the first one of a process, which starts PostgreSQL and makes the template',
  value: `${Math.round(firsts[KINDS[0]!.name] ?? 0)} ms`,
})
if (units.length > 0) rows.push(goalRow('npm run test:unit', UNIT_GOAL, estimate(units), ' s', 1))
finish(
  {
    topic: 'Test database',
    machine,
    rounds: options.rounds,
    how: `${options.rounds} alternations of ${EACH}`,
    rows,
    samples: { ...Object.fromEntries(samples), units },
  },
  options.save ? import.meta.dirname : undefined,
)

/** Milliseconds until the app of a fresh database answers. Its end is not counted. */
async function fresh({ clusters, seed }: Kind): Promise<number> {
  const startedAt = performance.now()
  const app = await startTest(lightbox, { clusters, seed })
  try {
    const { status } = await app.fetch('/users/12')
    const ms = performance.now() - startedAt
    if (status !== (seed ? 200 : 404)) throw new Error(`/users/12 answered ${status}`)
    return ms
  } finally {
    await app.stop()
  }
}

function unitSeconds(): number {
  const startedAt = performance.now()
  const { status } = spawnSync('npm', ['run', 'test:unit', '--silent'], { cwd: ROOT, stdio: 'ignore' })
  if (status !== 0) throw new Error('The unit tests failed')
  return (performance.now() - startedAt) / 1000
}
