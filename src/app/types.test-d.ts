// Checked by tsc alone: every `@ts-expect-error` is a mistake that must not compile.
import type { Generated } from 'kysely'
import { tenfold } from './define.ts'
import type { System, SystemOf } from './types.ts'

interface Schema {
  users: { id: string; name: string; visits: Generated<number> }
  posts: { author_id: string; id: string; text: string }
  handles: { handle: string; user_id: string }
  countries: { code: string; name: string }
  accounts: { id: number; balance: number }
}

const t = tenfold<Schema>()({
  keys: {
    user: { type: 'bigint', columns: { users: 'id', posts: 'author_id' } },
    handle: { type: 'text', columns: { handles: 'handle' } },
  },
  global: ['countries'],
})

tenfold<Schema>()({
  keys: {
    // @ts-expect-error no such table
    user: { type: 'bigint', columns: { people: 'id' } },
  },
})
tenfold<Schema>()({
  keys: {
    // @ts-expect-error no such column
    user: { type: 'bigint', columns: { users: 'uid' } },
  },
})
tenfold<Schema>()({
  keys: {
    // @ts-expect-error no such type of key
    user: { type: 'integer', columns: { users: 'id' } },
  },
})
tenfold<Schema>()({
  keys: { user: { type: 'bigint', columns: { users: 'id' } } },
  // @ts-expect-error no such table
  global: ['planets'],
})

export default t.app({
  name: 'types',
  migrations: new URL('file:///'),
  fetch: (system) => {
    void uses(system)
    return () => new Response()
  },
})

type AppSystem = SystemOf<typeof t>

async function uses(system: AppSystem): Promise<void> {
  const shard = system.shard.user('12')
  system.shard.user(12)
  system.shard.user(12n)
  // @ts-expect-error no such key space
  system.shard.planet('12')
  // @ts-expect-error a key is a string, a number or a bigint
  system.shard.user({ id: 12 })

  await shard.read((db) => db.selectFrom('users').select(['id', 'visits']).executeTakeFirst())
  await shard.read((db) => db.selectFrom('countries').selectAll().execute())
  await shard.read((db) => db.query<{ n: number }>('select 1 as n'))
  // @ts-expect-error a table of another space
  await shard.read((db) => db.selectFrom('handles').selectAll().execute())
  // @ts-expect-error a home table
  await shard.read((db) => db.selectFrom('accounts').selectAll().execute())
  // @ts-expect-error no such column
  await shard.read((db) => db.selectFrom('users').select('age').execute())

  const written = await shard.write('create', async (tx) => {
    await tx.db.insertInto('posts').values({ author_id: '12', id: 'x', text: 'y' }).execute()
    // @ts-expect-error a column is missing
    await tx.db.insertInto('posts').values({ author_id: '12', id: 'x' }).execute()
    // @ts-expect-error a home table
    await tx.db.insertInto('accounts').values({ id: 1, balance: 1 }).execute()
    return { at: new Date(0), id: '1', maybe: undefined as string | undefined }
  })
  // What comes back has been through JSON: a Date is a string.
  const at: string = written.at
  // @ts-expect-error not a Date any more
  const date: Date = written.at
  void [at, date]
  // @ts-expect-error a write needs a name
  await shard.write(async () => 1)

  await system.home.write('transfer', (tx) => tx.db.updateTable('accounts').set({ balance: 1 }).execute())
  // @ts-expect-error a sharded table
  await system.home.read((db) => db.selectFrom('users').selectAll().execute())

  system.ids.next('12')
  system.ids.next({ handle: 'john' })
  // @ts-expect-error no such key space
  system.ids.next({ planet: 'mars' })
  await system.shard.user.many(['1', '2'], (db, keys: string[]) =>
    db.selectFrom('users').selectAll().where('id', 'in', keys).execute(),
  )
  const perCluster: string[][] = await system.shards.read(async (db) =>
    (await db.selectFrom('users').select('id').execute()).map((u) => u.id),
  )
  void perCluster
}

export type AnySystem = System<Schema, { keys: { user: { type: 'bigint'; columns: { users: 'id' } } } }>
