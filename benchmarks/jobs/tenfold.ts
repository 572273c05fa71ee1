import { systemClock } from '../../src/core/clock.ts'
import { systemRandom } from '../../src/core/random.ts'
import { uuidv7 } from '../../src/core/uuid.ts'
import type { ConnectionOptions } from '../../src/data/client/types.ts'
import { shardKey } from '../../src/data/shards/key.ts'
import { insertJobs, jobRow } from '../../src/jobs/enqueue.ts'
import type { JobDefinition } from '../../src/jobs/types.ts'
import { withSession } from '../kit/embedded.ts'
import { jobsApp } from './app.ts'

/** As in the benchmark of writes: a thousand authors, so that jobs lie in hundreds of buckets. */
const AUTHORS = 1000
/** Jobs of one transaction. */
const BATCH = 200

/**
 * Makes rows by the statement that `tx.enqueue` sends, without a worker that would run them at once, and keeps them.
 * @returns what puts so many of them into the emptied queue
 */
export async function tenfoldQueue(
  connection: ConnectionOptions,
  jobsMax: number,
): Promise<(jobs: number) => Promise<void>> {
  const { noop } = jobsApp(() => {})
  const job = noop as unknown as JobDefinition
  const nextId = uuidv7(systemClock, systemRandom())
  await withSession(connection, async (client) => {
    for (let first = 0; first < jobsMax; first += BATCH) {
      const placement = shardKey('bigint', 1 + ((first / BATCH) % AUTHORS))
      const marker = nextId()
      const rows = Array.from({ length: Math.min(BATCH, jobsMax - first) }, (_, ordinal) =>
        jobRow(
          { job, input: { id: first + ordinal }, options: {}, placement, marker, ordinal, seen: '' },
          systemClock,
        ),
      )
      const { sql, params } = insertJobs(rows)
      await client.query({ name: 'insert jobs', text: sql, values: params as unknown[] })
    }
    await client.query('create table peer.filled_jobs as select * from tenfold.jobs')
    await client.query('create table peer.filled_ready as select * from tenfold.ready')
  })
  return (jobs) =>
    withSession(connection, async (client) => {
      await client.query('truncate tenfold.jobs, tenfold.ready, tenfold.claims')
      await client.query('insert into tenfold.jobs select * from peer.filled_jobs limit $1', [jobs])
      await client.query(
        'insert into tenfold.ready select r.* from peer.filled_ready r where id in (select id from tenfold.jobs)',
      )
      await client.query('analyze tenfold.jobs, tenfold.ready')
    })
}
