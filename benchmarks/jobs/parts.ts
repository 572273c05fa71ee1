// Where PostgreSQL's time for a job goes: `npm run jobs-parts --workspace benchmarks`. CPU of one session, nothing beside it.
import { randomUUID } from 'node:crypto'
import type pg from 'pg'
import { cpuSince, markCpu } from '../kit/cpu.ts'
import { withPostgres } from '../kit/embedded.ts'
import { readOptions } from '../kit/options.ts'
import { withPool } from '../kit/pool.ts'
import { median } from '../kit/stats.ts'
import { tenfoldQueue } from './tenfold.ts'

/** Jobs of one claim. */
const BATCH = 2000

const { rounds, count: jobs } = readOptions({ rounds: 7, count: 60_000 })

/** The settings of the claim's function. */
const SETTINGS = 'set enable_seqscan = off; set enable_sort = off; set enable_bitmapscan = off'
const PICK = `select j.ctid, j.bucket, j.concurrency, (- j.priority) as rank, j.due from tenfold.jobs j
  where j.state = 0 and j.lost = 0 order by (- j.priority), j.due limit ${BATCH}`
const UPDATE = `update tenfold.jobs j set state = 3, attempt = j.attempt + 1, fence = 7, worker = gen_random_uuid(),
  lease_until = statement_timestamp() + interval '30 s' where j.ctid = any (array(select ctid from (${PICK}) picked))`
const CLAIM = `select * from tenfold.claim_jobs(gen_random_uuid(), 7, ${BATCH}, 30000, false, 16777216)`

const PARTS: Readonly<Record<string, string>> = {
  'read the first of the order': `select count(*) from (${PICK}) picked`,
  'the same, and lock them': `select count(*) from (${PICK} for update skip locked) picked`,
  'read and update them': UPDATE,
  'read, update and return them': `${UPDATE} returning id, name, bucket, tag, attempt, attempts_max, payload, seen`,
  'claim_jobs as a whole': CLAIM,
}

await withPostgres({}, async (connection) =>
  withPool(connection, 1, async (pool) => {
    const fill = await tenfoldQueue(connection, jobs)
    await fill(jobs)
    await using session = await pool.connect().then((client) => releasing(client))
    const { client, pid } = session
    await client.query(`checkpoint; set synchronous_commit = off; ${SETTINGS}`)
    for (const [name, sql] of Object.entries(PARTS)) {
      const costs: number[] = []
      for (let round = 0; round < rounds; round++) {
        await client.query('begin')
        costs.push(await cpuOf(pid, () => client.query(sql)))
        await client.query('rollback')
      }
      print(name, costs)
    }
    const whole: Record<string, number[]> = {
      'claim, of a queue worked off': [],
      'complete, of the same': [],
    }
    for (let left = jobs; left > 0; left -= BATCH) await turn(client, pid, Object.values(whole) as never)
    for (const [name, costs] of Object.entries(whole)) print(name, costs)
  }),
)

async function turn(client: pg.ClientBase, pid: number, [claims, completions]: [number[], number[]]) {
  const fence = '7'
  let ids: string[] = []
  let buckets: number[] = []
  const claim = `select id, bucket from tenfold.claim_jobs($1, $2, ${BATCH}, 30000, false, 16777216)`
  claims.push(
    await cpuOf(pid, async () => {
      const { rows } = await client.query<{ id: string; bucket: number }>(claim, [randomUUID(), fence])
      rows.pop()
      ids = rows.map(({ id }) => id)
      buckets = rows.map(({ bucket }) => bucket)
    }),
  )
  const complete = 'select tenfold.complete_jobs($1::uuid[], $2::bigint[], $3::int[])'
  const fences = ids.map(() => fence)
  completions.push(await cpuOf(pid, () => client.query(complete, [ids, fences, buckets])))
}

/** Microseconds for each job of a batch. */
async function cpuOf(pid: number, work: () => Promise<unknown>): Promise<number> {
  const mark = markCpu(pid)
  await work()
  return cpuSince(mark, pid) / BATCH
}

async function releasing(client: pg.PoolClient) {
  const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid')
  return { client, pid: rows[0]!.pid, [Symbol.asyncDispose]: async () => client.release() }
}

function print(name: string, costs: readonly number[]): void {
  process.stdout.write(
    `${median([...costs])
      .toFixed(1)
      .padStart(6)} µs a job  ${name}\n`,
  )
}
