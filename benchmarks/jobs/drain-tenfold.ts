// Our runtime in a process of its own: worker, relay, cache and upkeep as shipped, without a web server.
import pg from 'pg'
import type { ConnectionOptions } from '../../src/data/client/types.ts'
import { runtimeOf } from '../kit/embedded.ts'
import { jobsApp } from './app.ts'
import { serveDrains } from './drain-protocol.ts'

const [connection] = process.argv.slice(2).map((text) => JSON.parse(text)) as [ConnectionOptions]
const pool = new pg.Pool({ ...connection, max: 1 })

serveDrains({
  start: async (handled) => {
    const runtime = runtimeOf(jobsApp(handled).definition, connection)
    await runtime.start()
    return () => runtime.stop()
  },
  left: async (ids) => {
    const sql = 'select count(*)::int as left from tenfold.jobs where id = any ($1::uuid[])'
    const { rows } = await pool.query<{ left: number }>(sql, [ids])
    return rows[0]!.left
  },
})
