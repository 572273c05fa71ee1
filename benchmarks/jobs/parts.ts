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
const PICK = `select r.ctid from tenfold.ready r order by r.rank, r.due limit ${BATCH}`
const TAKE = `delete from tenfold.ready where ctid = any (array(${PICK} for update skip locked))`
const CLAIM = `select * from tenfold.claim_jobs(gen_random_uuid(), 7, ${BATCH}, 30000, 16777216)`

const PARTS: Readonly<Record<string, string>> = {
  'read the first of the queue': `select count(*) from (${PICK}) picked`,
  'the same, and lock them': `select count(*) from (${PICK} for update skip locked) picked`,
  'take them out of the queue': TAKE,
  'take them out, and read the jobs': `with taken as (${TAKE} returning id)
    select j.id, j.name, j.bucket, j.tag, j.attempt, j.attempts_max, j.fence, j.payload, j.seen
    from taken join tenfold.jobs j using (id)`,
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
    for (let left = jobs; left > 0; left -= BATCH)
      await turn(client, pid, String(left), Object.values(whole) as never)
    for (const [name, costs] of Object.entries(whole)) print(name, costs)
  }),
)

async function turn(
  client: pg.ClientBase,
  pid: number,
  claim: string,
  [claims, completions]: [number[], number[]],
) {
  let held: { id: string; fence: number; bucket: number }[] = []
  const sql = `select id, fence, bucket from tenfold.claim_jobs($1, $2, ${BATCH}, 30000, 16777216)`
  claims.push(
    await cpuOf(pid, async () => {
      const { rows } = await client.query<(typeof held)[number]>(sql, [randomUUID(), claim])
      held = rows.slice(0, -1)
    }),
  )
  const complete = 'select tenfold.complete_jobs($1::bigint[], $2::uuid[], $3::int[], $4::int[])'
  const params = [
    held.map(() => claim),
    held.map(({ id }) => id),
    held.map(({ fence }) => fence),
    held.map(({ bucket }) => bucket),
  ]
  completions.push(await cpuOf(pid, () => client.query(complete, params)))
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
