import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { getPersonByHandle, recentPosts } from '../domain/index.ts'
import { seedCommunity } from '../seed/community.ts'
import { members } from '../seed/people.ts'
import { texts } from '../seed/texts.ts'
import { CLUSTERS, signUp, start, Visitor } from './visitor.ts'

for (const clusters of CLUSTERS) {
  describe(`the small community on ${clusters} cluster${clusters > 1 ? 's' : ''}`, () => {
    test('has John Smith, who is person 12', async () => {
      await using app = await start({ clusters, seed: true })
      assert.deepEqual(await new Visitor(app).expect(200, 'GET', '/users/12'), {
        id: '12',
        firstName: 'John',
        lastName: 'Smith',
        address: { streetAddress: '21 2nd Street', city: 'New York', state: 'NY', postalCode: '10021' },
        phoneNumbers: ['212 555-1234', '646 555-4567'],
      })
    })

    test('is consistent: each count is the number of its rows, each follow is on both sides', async () => {
      await using app = await start({ clusters, seed: true })
      const wrong = await app.system.shards.read((db) =>
        db.query(`select id from users u where
          post_count <> (select count(*) from posts where author_id = u.id)
          or follower_count <> (select count(*) from followers where followee_id = u.id and active)
          or following_count <> (select count(*) from following where follower_id = u.id and active)`),
      )
      assert.deepEqual(wrong.flat(), [])
      const miscounted = await app.system.shards.read((db) =>
        db.query(`select id from posts p
          where likes <> (select count(*) from post_likes l where l.author_id = p.author_id and l.post_id = p.id)`),
      )
      assert.deepEqual(miscounted.flat(), [])
      const pairs = async (table: string) =>
        (await app.system.shards.read((db) => db.query(`select follower_id, followee_id from ${table}`)))
          .flat()
          .map((row) => JSON.stringify(row))
          .toSorted()
      const following = await pairs('following')
      assert.ok(following.length > 90)
      assert.deepEqual(await pairs('followers'), following)
    })

    test('has full feeds: an entry for each post of each person followed', async () => {
      await using app = await start({ clusters, seed: true })
      const all = async <Row>(sql: string): Promise<Row[]> =>
        (await app.system.shards.read((db) => db.query<Row>(sql))).flat()
      const posts = await all<{ id: string; author: string }>(
        'select id, author_id::text as author from posts',
      )
      const follows = await all<{ reader: string; author: string }>(
        'select follower_id::text as reader, followee_id::text as author from following',
      )
      const entries = await all<{ entry: string }>(
        `select reader_id || ' ' || post_id || ' ' || author_id as entry from feed_entries`,
      )
      assert.deepEqual(
        entries.map(({ entry }) => entry).toSorted(),
        follows
          .flatMap(({ reader, author }) =>
            posts.filter((post) => post.author === author).map(({ id }) => `${reader} ${id} ${author}`),
          )
          .toSorted(),
      )
    })

    test('is the same after a second run', async () => {
      await using app = await start({ clusters, seed: true })
      const before = await recentPosts(app.system, { limit: 1000 })
      assert.equal(before.posts.length, Object.values(texts).flat().length)
      await seedCommunity(app.system)
      assert.deepEqual(await recentPosts(app.system, { limit: 1000 }), before)
    })

    test('is alive: a newcomer can follow and like, and finds everyone by handle', async () => {
      await using app = await start({ clusters, seed: true })
      const ann = await signUp(app, 'ann')
      const [post] = (await recentPosts(app.system, { limit: 1 })).posts
      const { likes } = await ann.expect(200, 'PUT', `/api/posts/${post?.id}/like`)
      assert.equal(likes, (post?.likes ?? 0) + 1)
      for (const { handle } of members) {
        const person = await getPersonByHandle(app.system, handle)
        const { followers } = await ann.expect(200, 'PUT', `/api/follows/${person.id}`)
        assert.equal(followers, person.counts.followers + 1)
      }
      await ann.expect(409, 'POST', '/api/accounts', {
        body: { handle: 'john', firstName: 'J', lastName: 'S', password: 'password of mine' },
      })
    })
  })
}
