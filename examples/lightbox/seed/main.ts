import { parseArgs } from 'node:util'
import { clustersOf, type Place, runSql, SqlFailed } from './database.ts'
import { graphStatements } from './graph.ts'
import { progressBar } from './progress.ts'

const HELP = `npm run seed -- --users N [--seed S] [--data DIR | --database URL…]

Adds N people who follow each other by a power law. The system may run or be stopped; it must have been
started once. Running it again adds nothing, with a larger N it adds the rest.

  --users N       how many people (1 … 100000000)
  --seed S        another graph (0 … 1000000, default 1); use the same S when you continue
  --data DIR      the system's state folder (default .tenfold)
  --database URL  the databases, one per cluster, instead`

const USERS_MAX = 100_000_000
const SEED_MAX = 1_000_000

interface Wish extends Place {
  readonly users: number
  readonly seed: number
}

function wishOf(args: string[]): Wish | 'help' {
  const { values } = parseArgs({
    args,
    options: {
      users: { type: 'string' },
      seed: { type: 'string', default: '1' },
      data: { type: 'string' },
      database: { type: 'string', multiple: true },
      help: { type: 'boolean', short: 'h' },
    },
  })
  if (values.help) return 'help'
  const users = integer('--users', values.users, 1, USERS_MAX)
  const seed = integer('--seed', values.seed, 0, SEED_MAX)
  return { users, seed, data: values.data, database: values.database }
}

function integer(name: string, text: string | undefined, min: number, max: number): number {
  const value = /^\d+$/.test(text ?? '') ? Number(text) : Number.NaN
  if (value >= min && value <= max) return value
  throw new TypeError(
    `${name} needs a whole number from ${min} to ${max}${text === undefined ? '' : `, not ${text}`}`,
  )
}

async function run(wish: Wish): Promise<void> {
  const begun = performance.now()
  const clusters = await clustersOf(wish)
  const statements = graphStatements(wish)
  const bar = progressBar(statements.length * clusters.length)
  await Promise.all(clusters.map((cluster) => runSql(wish, cluster, statements, bar.step)))
  const seconds = (performance.now() - begun) / 1000
  const rate = Math.round(wish.users / seconds)
  bar.end(`${wish.users} people are there, after ${seconds.toFixed(1)} s (${rate} people/s).`)
}

try {
  const wish = wishOf(process.argv.slice(2))
  if (wish === 'help') console.log(HELP)
  else await run(wish)
} catch (error) {
  const usage = error instanceof TypeError
  console.error(`seed: ${(error as Error).message}${usage ? `\n\n${HELP}` : ''}`)
  process.exitCode = error instanceof SqlFailed ? error.exitCode : usage ? 2 : 1
}
