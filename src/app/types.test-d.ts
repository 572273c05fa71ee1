// Checked by tsc alone: every `@ts-expect-error` is a mistake that must not compile.
import type { Generated } from 'kysely'
import { z } from 'zod'
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

const greet = t.job('greet', {
  input: z.object({ userId: z.string(), times: z.number().default(1) }),
  run: async (job, sys) => {
    // What `run` gets has been through the schema: the default is there.
    const times: number = job.input.times
    await job.progress({ times })
    await sys.shard.user(job.input.userId).read((db) => db.selectFrom('users').select('id').execute())
    await job.write('greeted', (tx) => tx.db.updateTable('users').set({ name: 'x' }).execute())
    // @ts-expect-error no such field in the input
    void job.input.name
    // @ts-expect-error progress is JSON
    await job.progress(() => {})
  },
})
// @ts-expect-error a schema is needed
t.job('blind', { run: async () => {} })
// @ts-expect-error no such span of time
t.job('late', { input: z.object({}), timeout: '5 minutes', run: async () => {} })

const userCard = t.cacheKey('userCard', (id: string) => [id])
// @ts-expect-error arguments of a key are JSON
t.cacheKey('bad', (at: Date) => [at])

t.app({
  name: 'types',
  migrations: new URL('file:///'),
  // @ts-expect-error not a job
  jobs: ['greet'],
  fetch: () => () => new Response(),
})

export default t.app({
  name: 'types',
  migrations: new URL('file:///'),
  jobs: [greet],
  fetch: (system) => {
    void uses(system)
    void asksOtherTiers(system)
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

async function asksOtherTiers(system: AppSystem): Promise<void> {
  const shard = system.shard.user('12')
  await shard.write('asks', async (tx) => {
    const id: string = tx.enqueue(greet, { userId: '1' }, { delay: '5m', unique: 'x' })
    tx.invalidate(userCard('1'))
    tx.purge({ tag: 'user-1' }, { url: '/users/1' })
    tx.attach('a', 'photo/1')
    // @ts-expect-error a field of the payload is missing
    tx.enqueue(greet, { times: 2 })
    // @ts-expect-error the wrong type of a field
    tx.enqueue(greet, { userId: 1 })
    // @ts-expect-error no such option
    tx.enqueue(greet, { userId: '1' }, { soon: true })
    // @ts-expect-error not a job
    tx.enqueue('greet', { userId: '1' })
    // @ts-expect-error the wrong type of an argument
    tx.invalidate(userCard(1))
    // @ts-expect-error not a cache key
    tx.invalidate('userCard')
    // @ts-expect-error nothing that an edge could be asked for
    tx.purge({ key: 'x' })
    return id
  })
  await system.jobs.enqueue(greet, { userId: '1', times: 3 })
  // @ts-expect-error the payload of another job
  await system.jobs.enqueue(greet, { id: '1' })

  const card = await shard.cached(userCard('1'), { ttl: '1h', stale: 500 }, (db) =>
    db.selectFrom('users').selectAll().executeTakeFirst(),
  )
  const name: string | undefined = card?.name
  void name
  // @ts-expect-error a table of another space
  await shard.cached(userCard('1'), {}, (db) => db.selectFrom('handles').selectAll().execute())
  const made = await shard.cached(userCard('1'), {}, async () => ({ at: new Date(0) }))
  // @ts-expect-error not a Date any more
  const madeAt: Date = made.at
  void madeAt
  const plain: number = await system.cache.through('n', '1s', async () => 1)
  void plain
}

export type AnySystem = System<Schema, { keys: { user: { type: 'bigint'; columns: { users: 'id' } } } }>
