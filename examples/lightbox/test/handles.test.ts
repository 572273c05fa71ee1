import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { confirmHandle, reserveHandle } from '../domain/handles.ts'
import type { Lightbox } from '../domain/index.ts'
import { CLUSTERS, PASSWORD, type Site, start, Visitor } from './visitor.ts'

/*
 * A process that dies between the writes of a sign-up leaves what the writes before it left. The tests make
 * exactly that, by calling only those, and then let others sign up.
 */

const HANDLE = 'wanted'

/** Stands for a sign-up of the past: the reservation is older than anybody's patience. */
const grow = (system: Lightbox) =>
  system.shard.handle(HANDLE).write('make the reservation old', async (tx) => {
    await tx.query(`update handles set reserved_at = reserved_at - interval '1 hour' where handle = $1`, [
      HANDLE,
    ])
  })

const signUp = (app: Site, name = 'New') =>
  new Visitor(app).post('/api/accounts', {
    handle: HANDLE,
    firstName: name,
    lastName: 'L',
    password: PASSWORD,
  })

async function row(system: Lightbox): Promise<{ user_id: string; state: string }> {
  return system.shard
    .handle(HANDLE)
    .read((db) => db.selectFrom('handles').select(['user_id', 'state']).executeTakeFirstOrThrow())
}

/** What write 2 of a sign-up does; false when the sign-up was abandoned. */
const decide = (system: Lightbox, id: string) =>
  system.shard.user(id).write('create user of the slow sign-up', async ({ db }) => {
    const decided = await db
      .insertInto('credentials')
      .values({ user_id: id, password_hash: 'x' })
      .onConflict((conflict) => conflict.doNothing())
      .executeTakeFirst()
    if (decided.numInsertedOrUpdatedRows === 0n) return false
    await db.insertInto('users').values({ id, handle: HANDLE, first_name: 'Slow', last_name: 'L' }).execute()
    return true
  })

for (const clusters of CLUSTERS) {
  describe(`a handle on ${clusters} cluster${clusters > 1 ? 's' : ''}`, () => {
    test('is left alone while its sign-up may still be under way', async () => {
      await using app = await start({ clusters })
      const id = await reserveHandle(app.system, HANDLE)
      assert.equal((await signUp(app)).status, 409)
      assert.deepEqual(await row(app.system), { user_id: id, state: 'reserved' })
    })

    test('whose sign-up died before the user was created goes to the next one', async () => {
      await using app = await start({ clusters })
      const lost = (await reserveHandle(app.system, HANDLE)) as string
      await grow(app.system)
      const { status, json } = await signUp(app)
      assert.equal(status, 201)
      assert.deepEqual(await row(app.system), { user_id: json.id, state: 'confirmed' })
      // The slow one wakes up: it can neither create its user nor touch the handle.
      assert.equal(await decide(app.system, lost), false)
      await confirmHandle(app.system, HANDLE, lost)
      assert.deepEqual(await row(app.system), { user_id: json.id, state: 'confirmed' })
      assert.equal((await new Visitor(app).get(`/users/${lost}`)).status, 404)
    })

    test('whose sign-up died after the user was created stays with them', async () => {
      await using app = await start({ clusters })
      const id = (await reserveHandle(app.system, HANDLE)) as string
      assert.equal(await decide(app.system, id), true)
      await grow(app.system)
      assert.equal((await signUp(app)).status, 409)
      assert.deepEqual(await row(app.system), { user_id: id, state: 'confirmed' })
    })

    test('of a dead sign-up, wanted by many while its process wakes up: one user, and the handle is theirs', async () => {
      await using app = await start({ clusters })
      const slow = (await reserveHandle(app.system, HANDLE)) as string
      await grow(app.system)
      const [woke, ...answers] = await Promise.all([
        decide(app.system, slow),
        ...Array.from({ length: 10 }, (_, at) => signUp(app, `New ${at}`)),
      ])
      const won = answers.filter(({ status }) => status === 201)
      assert.equal(won.length + Number(woke), 1)
      const users = (
        await app.system.shards.read((db) => db.query<{ id: string }>('select id::text from users'))
      ).flat()
      assert.deepEqual(users, [{ id: woke ? slow : won[0]?.json.id }])
      assert.deepEqual(await row(app.system), { user_id: users[0]?.id, state: 'confirmed' })
    })
  })
}
