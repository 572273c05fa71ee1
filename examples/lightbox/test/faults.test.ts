import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { CLUSTERS, PASSWORD, type Site, signUp, start, Visitor } from './visitor.ts'

const times = <T>(count: number, make: (at: number) => T): T[] =>
  Array.from({ length: count }, (_, at) => make(at))

/** Ends every session with the databases, again and again, until the work is done. */
async function whileConnectionsDie<R>(app: Site, work: Promise<R>): Promise<R> {
  let done = false
  const finished = work.finally(() => {
    done = true
  })
  const dropping = (async () => {
    let dropped = 0
    while (!done) dropped += await app.fault.dropConnections()
    return dropped
  })()
  const result = await finished
  assert.ok((await dropping) > 0)
  return result
}

for (const clusters of CLUSTERS) {
  describe(`while connections die on ${clusters} cluster${clusters > 1 ? 's' : ''}`, () => {
    test('no sign-up fails or happens twice', async () => {
      await using app = await start({ clusters })
      const accounts = await whileConnectionsDie(
        app,
        Promise.all(
          times(12, (at) =>
            new Visitor(app).expect(201, 'POST', '/api/accounts', {
              body: { handle: `person_${at}`, firstName: 'F', lastName: 'L', password: PASSWORD },
            }),
          ),
        ),
      )
      const ids = (
        await app.system.shards.read((db) => db.query<{ id: string }>('select id::text from users'))
      ).flat()
      assert.deepEqual(ids.map(({ id }) => id).toSorted(), accounts.map(({ id }) => id).toSorted())
      const handles = await app.system.shards.read((db) =>
        db.query<{ user_id: string; state: string }>('select user_id::text, state from handles'),
      )
      assert.deepEqual(
        handles
          .flat()
          .map(({ user_id }) => user_id)
          .toSorted(),
        ids.map(({ id }) => id).toSorted(),
      )
      assert.ok(handles.flat().every(({ state }) => state === 'confirmed'))
    })

    test('no post, like or follow fails or happens twice', async () => {
      await using app = await start({ clusters })
      const people = await Promise.all(times(4, (at) => signUp(app, `person_${at}`)))
      const [author] = people as [Visitor]
      const { id } = await author.expect(201, 'POST', '/api/posts', { body: { text: 'Like me' } })
      const posts = await whileConnectionsDie(
        app,
        Promise.all(
          times(48, async (at) => {
            const person = people[at % 4] as Visitor
            const other = people[(at + 1) % 4] as Visitor
            await person.expect(200, at % 3 ? 'PUT' : 'DELETE', `/api/posts/${id}/like`)
            await person.expect(200, at % 2 ? 'PUT' : 'DELETE', `/api/follows/${other.id}`)
            return person.expect(201, 'POST', '/api/posts', { body: { text: `Post ${at}` } })
          }),
        ),
      )
      const ids = (
        await app.system.shards.read((db) => db.query<{ id: string }>('select id from posts'))
      ).flat()
      assert.deepEqual(ids.map((row) => row.id).toSorted(), [id, ...posts.map((post) => post.id)].toSorted())
      const wrong = await app.system.shards.read((db) =>
        db.query(`select id from users u where
          post_count <> (select count(*) from posts where author_id = u.id)
          or follower_count <> (select count(*) from followers where followee_id = u.id and active)
          or following_count <> (select count(*) from following where follower_id = u.id and active)
          or exists (select from posts p where author_id = u.id and likes <>
            (select count(*) from post_likes l where l.author_id = p.author_id and l.post_id = p.id))`),
      )
      assert.deepEqual(wrong.flat(), [])
    })
  })
}
