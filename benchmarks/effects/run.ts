import { setTimeout as sleep } from 'node:timers/promises'
import type pg from 'pg'
import { jobsApp } from '../jobs/app.ts'
import { alternate } from '../kit/alternate.ts'
import { cpuSince, markCpu } from '../kit/cpu.ts'
import { type BenchSystem, withPostgres, withRuntime } from '../kit/embedded.ts'
import { describeMachine, type Machine } from '../kit/machine.ts'
import { readOptions } from '../kit/options.ts'
import { withPool } from '../kit/pool.ts'
import { finish, type Row } from '../kit/report.ts'
import { nextPost, type Post } from '../write/insert.ts'
import { type CommitSample, type CommitSamples, PLAIN, PROMISED, rows } from './rows.ts'

const CONCURRENCIES = [1, 10] as const
/** Commits of one sample: about a quarter of a second. */
const COMMITS = { 1: 200, 10: 600 } as const
const WARM_COMMITS = 3000
const PAUSE_MS = 5

type Commit = (post: Post) => Promise<unknown>

const SQL = 'insert into posts (author_id, id, text) values ($1, $2, $3)'
/** Whether anything is still to be run, delivered or deleted. */
const LEFT = 'select exists (select from tenfold.jobs) or exists (select from tenfold.effects) as something'

const { rounds, save } = readOptions()
const app = jobsApp(() => {})
const found: Record<number, CommitSamples> = {}
let machine: Machine | undefined

process.stderr.write(`About ${Math.ceil((rounds * 4) / 60) + 1} minutes\n`)
await withPostgres({}, async (connection, { version, pid }) => {
  machine = describeMachine(version)
  await withPool(connection, 1, (pool) =>
    withRuntime(connection, (system) => measure(system, pool, pid), app.definition),
  )
})

/** `pool` is for looking, not for what is measured. */
async function measure(system: BenchSystem, pool: pg.Pool, postgres: number): Promise<void> {
  const followed = async (): Promise<void> => {
    while ((await pool.query<{ something: boolean }>(LEFT)).rows[0]?.something) await sleep(PAUSE_MS)
  }
  const burst = async (commit: Commit, commits: number, concurrent: number): Promise<CommitSample> => {
    const mark = markCpu(postgres)
    const cpu = process.cpuUsage()
    const startedAt = performance.now()
    let left = commits
    const worker = async (): Promise<void> => {
      while (left-- > 0) await commit(nextPost())
    }
    await Promise.all(Array.from({ length: concurrent }, worker))
    const msPerCommit = (performance.now() - startedAt) / commits
    await followed()
    const { user, system } = process.cpuUsage(cpu)
    return {
      msPerCommit,
      nodeUs: (user + system) / commits,
      postgresUs: cpuSince(mark, postgres) / commits,
    }
  }
  const commits = Object.entries(contestants(system))
  for (const [, commit] of commits) await burst(commit, WARM_COMMITS, 10)
  for (const concurrent of CONCURRENCIES) {
    const samples = await alternate(
      commits.map(([name, commit]) => ({
        name,
        sample: () => burst(commit, COMMITS[concurrent], concurrent),
      })),
      rounds,
    )
    found[concurrent] = Object.fromEntries(samples)
    process.stderr.write(`${concurrent} at a time: done\n`)
  }
}

/** One transaction that inserts a row, and what it asks for besides. */
function contestants(system: BenchSystem): Record<string, Commit> {
  type Tx = Parameters<Parameters<ReturnType<BenchSystem['shard']['user']>['write']>[1]>[0]
  const committing =
    (ask: (tx: Tx, author: string) => void): Commit =>
    ({ author, id, text }) =>
      system.shard.user(author).write('publish', async (tx) => {
        await tx.query(SQL, [author, id, text])
        ask(tx, author)
      })
  const { noop, keys } = app
  const enqueue = (tx: Tx): string => tx.enqueue(noop, { id: 1 })
  const invalidate = (tx: Tx, author: string): void => tx.invalidate(keys.card(author), keys.posts(author))
  return {
    [PLAIN]: committing(() => {}),
    [PROMISED]: committing((tx, author) => {
      enqueue(tx)
      invalidate(tx, author)
    }),
    'with a job': committing(enqueue),
    'with two invalidations': committing(invalidate),
  }
}

const table: Row[] = CONCURRENCIES.flatMap((concurrent) => rows(found[concurrent] ?? {}, concurrent))
const how = `${rounds} alternations; one process with worker, relay and cache as shipped, one embedded PostgreSQL`
finish(
  { topic: 'Effects: what a commit asks for', machine: machine!, rounds, how, rows: table, samples: found },
  save ? import.meta.dirname : undefined,
)
