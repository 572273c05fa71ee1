import assert from 'node:assert/strict'
import { test } from 'node:test'
import pg from 'pg'
import { replicated } from '../../../src/data/client/fixtures/replicated.ts'
import { primaryOf } from '../../../src/data/failover/fixtures/cluster.ts'
import { nodePlaces } from '../../../src/data/failover/places.ts'
import { connectionTo } from '../../../src/data/postgres/address.ts'
import { createPostgres } from '../../../src/data/postgres/server.ts'
import { renderReplication } from '../../../src/data/replication/settings.ts'
import { until } from '../kit/deadline.ts'
import { delayedLinks } from './links.ts'

const NODES = ['c0-pg-1', 'c0-pg-2', 'c0-pg-3']
const NAME = 'select name from users where id = 7'

test('FAULTS case 7: a commit that no standby has is shown to nobody after the primary was restarted', async (t) => {
  const links = delayedLinks(t, NODES)
  const { client, clusters } = await replicated(t, { links: links.make })
  const [cluster] = clusters as [(typeof clusters)[number]]
  const { keeper } = cluster
  const { primary } = keeper.record
  const placement = client.target('user', 7)
  const address = connectionTo(primaryOf(keeper.topology()), 'app')
  const raw = async (): Promise<pg.Client> => {
    const session = new pg.Client(address)
    session.on('error', () => {})
    await session.connect()
    return session
  }
  // No standby gets it: its commit waits.
  links.from(primary).cut()
  const writer = await raw()
  await writer.query('set session_replication_role = replica')
  const waiting = writer
    .query("insert into users (id, name) values (7, 'unseen')")
    .catch((error: Error) => error)
  const looker = await raw()
  await until('the commit waits', async () => {
    const { rows } = await looker.query("select from pg_stat_activity where wait_event = 'SyncRep'")
    return rows.length > 0 ? true : undefined
  })
  // Somebody else starts it again, where it was: with a keeper a standby would take its place.
  const { pid } = keeper.topology().members.find(({ id }) => id === primary)!
  await keeper.leave()
  process.kill(pid!, 'SIGKILL')
  assert.ok((await waiting) instanceof Error)
  const synchronous = NODES.filter((id) => id !== primary)
  const server = createPostgres({
    ...cluster.options,
    ...nodePlaces(cluster.options, primary),
    replication: { standby: false, conf: renderReplication({ id: primary, synchronous }) },
  })
  t.after(() => server.stop({ mode: 'immediate' }))
  await server.start()
  // It has recovered the commit, and shows it to whoever asks it directly.
  const after = await raw()
  t.after(() => Promise.all([after.end(), writer.end().catch(() => {}), looker.end().catch(() => {})]))
  assert.deepEqual((await after.query(NAME)).rows, [{ name: 'unseen' }])
  const read = (deadlineMs: number) =>
    client.readAt(placement.placement, (db) => db.query(NAME), { deadlineMs, primary: true })
  await assert.rejects(read(700), { code: 'TENFOLD_DATA_UNAVAILABLE' })
  // Once a standby has it, it stays, and may be shown.
  const shown = read(20_000)
  links.from(primary).mend()
  assert.deepEqual(await shown, [{ name: 'unseen' }])
  assert.deepEqual(await read(5_000), [{ name: 'unseen' }])
})
