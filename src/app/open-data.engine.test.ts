import assert from 'node:assert/strict'
import { test } from 'node:test'
import pg from 'pg'
import { systemClock } from '../core/clock.ts'
import { systemRandom } from '../core/random.ts'
import { uuidv7 } from '../core/uuid.ts'
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
