// graphile-worker in a process of its own. Its tuning comes as the first argument.
import { run } from 'graphile-worker'
import pg from 'pg'
import type { ConnectionOptions } from '../../src/data/client/types.ts'
import { serveDrains } from './drain-protocol.ts'
import { type GraphileTuning, graphileOptions } from './graphile.ts'

const [connection, tuning] = process.argv.slice(2).map((text) => JSON.parse(text)) as [
  ConnectionOptions,
  GraphileTuning,
]
const pool = new pg.Pool({ ...connection, max: 1 })

serveDrains({
  start: async (handled) => {
    const runner = await run({
      ...graphileOptions(connection, tuning),
      taskList: { noop: async (payload, { job }) => handled(job.id, (payload as { id: number }).id) },
    })
    return () => runner.stop()
  },
  left: async (ids) => {
    const sql =
      'select count(*)::int as left from graphile_worker._private_jobs where id = any ($1::bigint[])'
    const { rows } = await pool.query<{ left: number }>(sql, [ids])
    return rows[0]!.left
  },
})
