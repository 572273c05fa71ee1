import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { graphStatements } from '../seed/graph.ts'
import { CLUSTERS, type Site, start } from './visitor.ts'

/** Followers. */
const CELEBRITY = 40

/** As `npm run seed` does: one session with each cluster, statement by statement. */
async function grow(
  app: Site,
  clusters: number,
  users: number,
  statements = Number.POSITIVE_INFINITY,
): Promise<void> {
  const names = Array.from({ length: clusters }, (_, at) => `c${at}`)
  await Promise.all(
    names.map(async (name) => {
      const { query } = app.sql(name)
      const size = { users, seed: 7, celebrityFollowers: CELEBRITY }
      for (const statement of graphStatements(size).slice(0, statements)) await query(statement)
      await query('drop table member, outgoing, incoming, celebrity')
    }),
  )
}

interface Row {
  id: string
  handle: string
  following: number
  followers: number
}

/** Everyone, with what is counted and what is there. */
async function graph(app: Site): Promise<Row[]> {
  const found = await app.system.shards.read((db) =>
    db.query<Row & { ids: string }>(
      `select id::text, handle, following_count as following, follower_count as followers,
        (select string_agg(followee_id::text, ' ' order by followee_id) from following where follower_id = u.id) as ids
      from users u`,
    ),
  )
  return found.flat().toSorted((a, b) => Number(a.id) - Number(b.id))
}

for (const clusters of CLUSTERS) {
  describe(`a follower graph on ${clusters} cluster${clusters > 1 ? 's' : ''}`, () => {
    test('is consistent: counts, both sides of each follow, handles', async () => {
      await using app = await start({ clusters })
      await grow(app, clusters, 600)
      const wrong = await app.system.shards.read((db) =>
        db.query(`select id from users u where
          follower_count <> (select count(*) from followers where followee_id = u.id and active)
          or following_count <> (select count(*) from following where follower_id = u.id and active)`),
      )
      assert.deepEqual(wrong.flat(), [])
      const people = await graph(app)
      assert.equal(people.length, 600)
      const sum = (list: number[]): number => list.reduce((a, b) => a + b, 0)
      const follows = sum(people.map(({ following }) => following))
      assert.equal(sum(people.map(({ followers }) => followers)), follows)
      const handles = await app.system.shards.read((db) =>
        db.query<{ user_id: string }>('select user_id from handles'),
      )
      assert.deepEqual(
        handles
          .flat()
          .map(({ user_id }) => user_id)
          .toSorted(),
        people.map(({ id }) => id).toSorted(),
      )
      // A power law: the first hundredth has a large share, the second half next to nothing.
      assert.ok(sum(people.slice(0, 6).map(({ followers }) => followers)) > follows / 10)
      assert.ok(sum(people.slice(300).map(({ followers }) => followers)) < follows / 4)
    })

    test('has celebrities, and each of their followers knows', async () => {
      await using app = await start({ clusters })
      await grow(app, clusters, 300)
      // Some become celebrities only now: their older followers must hear of it.
      await grow(app, clusters, 600)
      const people = await app.system.shards.read((db) =>
        db.query<{ id: string; follower_count: number; reach: string }>(
          'select id::text, follower_count, reach from users',
        ),
      )
      const follows = await app.system.shards.read((db) =>
        db.query<{ followee: string; on_read: boolean }>(
          'select followee_id::text as followee, on_read from following',
        ),
      )
      const celebrities = people.flat().filter(({ follower_count }) => follower_count >= CELEBRITY)
      assert.ok(celebrities.length > 3)
      for (const { id, follower_count, reach } of people.flat())
        assert.equal(reach, follower_count >= CELEBRITY ? 'celebrity' : 'ordinary', id)
      const known = new Set(celebrities.map(({ id }) => id))
      for (const { followee, on_read } of follows.flat()) assert.equal(on_read, known.has(followee), followee)
    })

    test('can be broken off, repeated and continued', async () => {
      await using app = await start({ clusters })
      await grow(app, clusters, 200, 40)
      await grow(app, clusters, 200)
      await grow(app, clusters, 200)
      await grow(app, clusters, 300)
      await using other = await start({ clusters })
      await grow(other, clusters, 300)
      assert.deepEqual(await graph(app), await graph(other))
    })
  })
}
