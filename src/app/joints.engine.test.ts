import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { startTest } from '../testing/index.ts'
import { tenfold } from './define.ts'

interface Schema {
  users: { id: string; name: string }
  notes: { id: string; owner_id: string; text: string }
}
const t = tenfold<Schema>()({
  keys: { user: { type: 'bigint', columns: { users: 'id', notes: 'owner_id' } } },
})
const nameOf = t.cacheKey('nameOf', (id: number) => [id])
const definition = t.app({
  name: 'joints',
  migrations: new URL('../testing/fixture/migrations/', import.meta.url),
  fetch: () => () => new Response(),
})

for (const clusters of [1, 2] as const) {
  test(`a cached value follows each commit that invalidates it, on ${clusters} cluster(s)`, async () => {
    await using app = await startTest(definition, {
      clusters,
      config: { doubleRun: false, cacheAudit: false },
    })
    const { shard } = app.system
    let loads = 0
    const read = (id: number) =>
      shard.user(id).cached(nameOf(id), {}, async (db) => {
        loads++
        const row = await db
          .selectFrom('users')
          .select('name')
          .where('id', '=', String(id))
          .executeTakeFirst()
        return row?.name
      })
    for (const id of [1, 2, 3]) {
      assert.equal(await read(id), undefined)
      await shard.user(id).write(`add ${id}`, async (tx) => {
        await tx.query('insert into users (id, name) values ($1, $2)', [id, 'first'])
        tx.invalidate(nameOf(id))
      })
      assert.equal(await read(id), 'first')
      for (let turn = 0; turn < 20; turn++) {
        await shard.user(id).write(`change ${id} ${turn}`, async (tx) => {
          await tx.query('update users set name = $2 where id = $1', [id, `name ${turn}`])
          tx.invalidate(nameOf(id))
        })
        assert.equal(await read(id), `name ${turn}`)
      }
    }
    // The relay moves on once all is delivered; from then on every read is a hit.
    for (let settled = false; !settled; ) {
      const before = loads
      for (const id of [1, 2, 3]) assert.equal(await read(id), 'name 19')
      settled = loads === before
    }
    for (let cluster = 0; cluster < clusters; cluster++)
      for (;;) if ((await app.sql(`c${cluster}`).query('select 1 from tenfold.effects')).length === 0) break
  })
}

test('an effect of a transaction that is rolled back does not escape', async () => {
  await using app = await startTest(definition)
  const failing = app.system.shard.user(1).write('fails', async (tx) => {
    tx.invalidate(nameOf(1))
    throw new Error('no')
  })
  await assert.rejects(failing, { message: 'no' })
  assert.deepEqual(await app.sql().query('select * from tenfold.effects'), [])
})

test('what is asked of a transaction that has ended is refused, not lost', async () => {
  await using app = await startTest(definition)
  let late: (() => void) | undefined
  await app.system.shard.user(1).write('ends', async (tx) => {
    late = () => tx.invalidate(nameOf(1))
  })
  assert.throws(() => late?.(), { code: 'TENFOLD_HANDLE_CLOSED' })
})

test('a job that a transaction asks for runs once, and its write ends it', async () => {
  const addNote = t.job('addNote', {
    input: z.object({ id: z.number() }),
    run: async (job, { ids }) => {
      await job.write('add', async (tx) => {
        const id = ids.next(job.input.id)
        await tx.query('insert into notes (id, owner_id, text) values ($1, $2, $3)', [
          id,
          job.input.id,
          'from a job',
        ])
      })
    },
  })
  await using app = await startTest(t.app({ ...definition.options, jobs: [addNote] }), { clusters: 2 })
  for (const id of [1, 2, 3, 4])
    await app.system.shard.user(id).write(`user ${id}`, async (tx) => {
      await tx.query('insert into users (id, name) values ($1, $2)', [id, 'x'])
      tx.enqueue(addNote, { id })
    })
  await app.jobs.drain()
  const notes = await app.system.shards.read((db) => db.selectFrom('notes').select('text').execute())
  assert.equal(notes.flat().length, 4)
  assert.equal((await app.sql().query('select 1 from tenfold.jobs')).length, 0)
})
