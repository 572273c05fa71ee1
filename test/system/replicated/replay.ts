import type { TestContext } from 'node:test'
import pg from 'pg'
import type { ServerProcess } from '../kit/server.ts'

/** A session with one of the replicas of a cluster. */
export async function replicaOf(t: TestContext, server: ServerProcess, at = 0): Promise<pg.Client> {
  const { nodes } = await server.ready()
  const { address } = nodes.find(({ role, cluster }) => role === 'replica' && cluster === `c${at}`)!
  const connection = (await server.connections())[at]
  const client = new pg.Client({ ...connection!, host: address })
  client.on('error', () => {}) // it ends with its server
  await client.connect()
  t.after(() => client.end())
  return client
}

/** Lets it replay again. What has waited to be replayed may be in the way of the very statement that lets it go on. */
export async function resumed(replica: pg.Client): Promise<void> {
  const again = await replica.query('select pg_wal_replay_resume()').then(
    () => false,
    (error: Error & { code?: string }) => {
      if (error.code === '40001') return true
      throw error
    },
  )
  if (again) await resumed(replica)
}
