import assert from 'node:assert/strict'
import { test } from 'node:test'
import pg from 'pg'
import { systemClock } from '../core/clock.ts'
import { systemRandom } from '../core/random.ts'
import { uuidv7 } from '../core/uuid.ts'
import type { ConnectionOptions } from '../data/client/types.ts'
import { testCluster } from '../data/failover/fixtures/cluster.ts'
import { testDatabase } from '../testing/postgres.ts'
import { openData } from './open-data.ts'

interface Schema {
  users: { id: string; name: string }
}

test('the data joint works alone on an existing database', async (t) => {
  const { connection, drop } = await testDatabase()
  t.after(drop)
  const before = new pg.Client(connection)
  await before.connect()
  await before.query('create table users (id bigint primary key, name text not null)')
  await before.query("insert into users values (1, 'Ada')")
  await before.end()

  const open = openData<Schema>()
  const options = {
    databases: [connection],
    placing: { keys: { user: { type: 'bigint', columns: { users: 'id' } } } },
  } as const
  const one = await open(options)
  const other = await open(options)
  const requestId = uuidv7(systemClock, systemRandom())()
  const create = (data: typeof one) =>
    data.request(requestId, () =>
      data.shard
        .user(7)
        .write('create', (tx) =>
          tx.db
            .insertInto('users')
            .values({ id: '7', name: 'Grace' })
            .returning('name')
            .executeTakeFirstOrThrow(),
        ),
    )
  assert.deepEqual(await create(one), { name: 'Grace' })
  assert.deepEqual(await create(other), { name: 'Grace' })
  const names = await one.shards.read((db) => db.selectFrom('users').select('name').orderBy('id').execute())
  assert.deepEqual(names, [[{ name: 'Ada' }, { name: 'Grace' }]])
  await Promise.all([one.stop(), other.stop()])
})

test('given all servers of a cluster it follows the primary, and nothing is applied twice', async (t) => {
  const cluster = await testCluster(t, { database: 'app' })
  const servers = [...cluster.connections('app').values()].reverse() as [
    ConnectionOptions,
    ...ConnectionOptions[],
  ]
  const first = new pg.Client(cluster.connections('app').get(cluster.keeper.record.primary))
  await first.connect()
  await first.query('create table users (id bigint primary key, name text not null)')
  await first.end()
  const data = await openData<Schema>()({
    databases: [servers],
    placing: { keys: { user: { type: 'bigint', columns: { users: 'id' } } } },
  })
  t.after(() => data.stop())
  const newId = uuidv7(systemClock, systemRandom())
  const add = (id: number) => {
    const requestId = newId()
    const user = data.shard.user(id)
    const insert = () =>
      data.request(requestId, () =>
        user.write('add', (tx) => tx.query('insert into users values ($1, $2)', [id, 'x'])),
      )
    // Again under its id, as a client does that was not answered.
    return insert().then(insert)
  }
  let added = 0
  for (let round = 0; round < 2; round++) {
    const { epoch, primary } = cluster.keeper.record
    const replaced = cluster.until('another is primary', (topology) => topology.epoch > epoch)
    for (let at = 0; at < 10; at++) await add(++added)
    cluster.keeper.fault(primary, 'kill')
    await Promise.all(Array.from({ length: 10 }, () => add(++added)))
    await replaced
    await cluster.whole()
  }
  const [found] = await data.shards.read((db) =>
    db
      .selectFrom('users')
      .select(({ fn }) => fn.countAll<string>().as('count'))
      .execute(),
  )
  assert.deepEqual(found, [{ count: String(added) }])
})
