import assert from 'node:assert/strict'
import { test } from 'node:test'
import pg from 'pg'
import { testDatabase } from '../testing/postgres.ts'
import { openData } from './open-data.ts'

interface Schema {
  users: { id: string; name: string }
  notes: { owner_id: string; id: string; body: string }
}

test('many runs once per cluster with that cluster’s keys; ofId finds the owner’s shard', async (t) => {
  const databases = await Promise.all([testDatabase(), testDatabase()])
  t.after(() => Promise.all(databases.map(({ drop }) => drop())))
  for (const { connection } of databases) {
    const client = new pg.Client(connection)
    await client.connect()
    await client.query('create table users (id bigint primary key, name text not null)')
    await client.query(
      'create table notes (owner_id bigint, id uuid, body text not null, primary key (owner_id, id))',
    )
    await client.end()
  }
  await using data = await openData<Schema>()({
    databases: databases.map(({ connection }) => connection),
    placing: { keys: { user: { type: 'bigint', columns: { users: 'id', notes: 'owner_id' } } } },
  })
  const ids = Array.from({ length: 40 }, (_, at) => String(at + 1))
  const notes = await Promise.all(
    ids.map((id) =>
      data.shard.user(id).write('create', async (tx) => {
        await tx.db
          .insertInto('users')
          .values({ id, name: `user ${id}` })
          .execute()
        const note = data.ids.next(id)
        await tx.db
          .insertInto('notes')
          .values({ owner_id: id, id: note, body: `of ${id}` })
          .execute()
        return note
      }),
    ),
  )
  const seen: string[][] = []
  const groups = await data.shard.user.many(ids, async (db, keys) => {
    seen.push(keys)
    return db.selectFrom('users').select('id').where('id', 'in', keys).execute()
  })
  assert.equal(groups.length, 2)
  assert.deepEqual(seen.flat().sort(), [...ids].sort())
  // Every key was asked where its row is: none is missing, none came twice.
  assert.deepEqual(
    groups
      .flat()
      .map(({ id }) => id)
      .sort(),
    [...ids].sort(),
  )
  for (const [at, note] of notes.entries()) {
    const rows = await data.shard.user
      .ofId(note)
      .read((db) => db.selectFrom('notes').select('body').where('id', '=', note).execute())
    assert.deepEqual(rows, [{ body: `of ${ids[at]}` }])
  }
  assert.throws(() => data.shard.user.ofId('018f4f6e-0000-4abc-8def-0123456789ab'), {
    code: 'TENFOLD_BAD_KEY',
  })
})
