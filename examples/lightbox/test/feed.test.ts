import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createPost, readFeed } from '../domain/index.ts'
import { CLUSTERS, type Site, signUp, start, Visitor } from './visitor.ts'

const post = async (visitor: Visitor, text: string): Promise<string> =>
  (await visitor.expect(201, 'POST', '/api/posts', { body: { text } })).id

const follow = (visitor: Visitor, other: Visitor) => visitor.expect(200, 'PUT', `/api/follows/${other.id}`)
const unfollow = (visitor: Visitor, other: Visitor) =>
  visitor.expect(200, 'DELETE', `/api/follows/${other.id}`)

/** The texts of every page. */
async function feed(visitor: Visitor): Promise<string[]> {
  const texts: string[] = []
  let query = ''
  for (;;) {
    const { posts, next } = await visitor.expect(200, 'GET', `/api/feed${query}`)
    texts.push(...posts.map(({ text }: { text: string }) => text))
    if (next === null) return texts
    query = `?before=${next}`
  }
}

for (const clusters of CLUSTERS) {
  const begin = () => start({ clusters })
  const people = async (app: Site, handles: readonly string[]): Promise<Visitor[]> =>
    Promise.all(handles.map((handle) => signUp(app, handle)))

  describe(`the feed on ${clusters} cluster${clusters > 1 ? 's' : ''}`, () => {
    test('has the posts of those whom one follows, and the own ones', async () => {
      await using app = await begin()
      const [ann, bob, cyd] = (await people(app, ['ann', 'bob', 'cyd'])) as [Visitor, Visitor, Visitor]
      await follow(bob, ann)
      await follow(cyd, ann)
      await follow(cyd, bob)
      await app.jobs.drain()
      await post(ann, 'one')
      await post(bob, 'two')
      await app.jobs.drain()
      await post(cyd, 'three')
      assert.deepEqual(await feed(ann), ['one'])
      assert.deepEqual(await feed(bob), ['two', 'one'])
      assert.deepEqual(await feed(cyd), ['three', 'two', 'one'], 'the own post at once')
    })

    test('shows a post as the API does elsewhere, with what happened to it since', async () => {
      await using app = await begin()
      const [ann, bob] = (await people(app, ['ann', 'bob'])) as [Visitor, Visitor]
      await follow(bob, ann)
      const id = await post(ann, 'Like me')
      await app.jobs.drain()
      for (const [method, likes] of [
        ['PUT', 1],
        ['DELETE', 0],
      ] as const) {
        await bob.expect(200, method, `/api/posts/${id}/like`)
        const { posts } = await bob.expect(200, 'GET', '/api/feed')
        assert.equal(posts[0].likes, likes)
        assert.deepEqual(posts, (await bob.expect(200, 'GET', `/api/users/${ann.id}/posts`)).posts)
      }
    })

    test('an unfollow hides at once, a follow brings the newest posts', async () => {
      await using app = await begin()
      const [ann, bob] = (await people(app, ['ann', 'bob'])) as [Visitor, Visitor]
      const texts = Array.from({ length: 25 }, (_, at) => `Post ${at}`)
      for (const text of texts) await post(ann, text)
      assert.deepEqual(await feed(bob), [])
      await follow(bob, ann)
      await app.jobs.drain()
      const newest = texts.toReversed().slice(0, 20)
      assert.deepEqual(await feed(bob), newest)
      await post(ann, 'Another')
      await app.jobs.drain()
      assert.deepEqual(await feed(bob), ['Another', ...newest])
      await unfollow(bob, ann)
      assert.deepEqual(await feed(bob), [])
      await app.jobs.drain()
      await post(ann, 'Unseen')
      await app.jobs.drain()
      assert.deepEqual(await feed(bob), [])
    })

    test('what a fan-out delivers after an unfollow stays hidden', async () => {
      await using app = await begin()
      const [ann, bob] = (await people(app, ['ann', 'bob'])) as [Visitor, Visitor]
      await follow(bob, ann)
      await app.jobs.drain()
      const id = await post(ann, 'Late')
      await unfollow(bob, ann)
      await app.jobs.drain()
      await app.system.shard.user(bob.id).write('a late delivery', async (tx) => {
        const entry =
          'insert into feed_entries (reader_id, post_id, author_id) values ($1, $2, $3) on conflict do nothing'
        await tx.query(entry, [bob.id, id, ann.id])
      })
      assert.deepEqual(await feed(bob), [])
    })

    test('a follow whose second half was lost is completed by its job', async () => {
      await using app = await begin()
      const [ann, bob] = (await people(app, ['ann', 'bob'])) as [Visitor, Visitor]
      await post(ann, 'Hello')
      await follow(bob, ann)
      await app.jobs.drain()
      // As if the request had ended before its second write, and the job had not run yet.
      await app.system.shard.user(ann.id).write('undo the copy', async (tx) => {
        await tx.query('delete from followers where followee_id = $1', [ann.id])
        await tx.query('update users set follower_count = 0 where id = $1', [ann.id])
      })
      const { settleFollow } = await import('../domain/follow-copy.ts')
      await app.system.jobs.enqueue(settleFollow, {
        followerId: bob.id,
        followeeId: ann.id,
        active: true,
        version: 1,
      })
      await app.jobs.drain()
      const found = await app.system.shard
        .user(ann.id)
        .read((db) => db.query('select follower_id::text as id, active from followers'))
      assert.deepEqual(found, [{ id: bob.id, active: true }])
    })

    test('is for those who are logged in, and refuses a forged cursor', async () => {
      await using app = await begin()
      await new Visitor(app).expect(401, 'GET', '/api/feed')
      const ann = await signUp(app, 'ann')
      assert.deepEqual(await ann.expect(200, 'GET', '/api/feed'), { posts: [], next: null })
      await ann.expect(400, 'GET', '/api/feed?before=x')
    })

    test('posts of somebody with thousands of followers reach each of them once', async () => {
      await using app = await begin()
      const ann = await signUp(app, 'ann')
      const readers = Array.from({ length: 1300 }, (_, at) => String(5_000_000 + at))
      await app.system.shard.user(ann.id).write('many followers', async (tx) => {
        const insert = `insert into followers (followee_id, follower_id, active, version)
          select $1, reader, true, 1 from unnest($2::bigint[]) as reader`
        await tx.query(insert, [ann.id, readers])
        await tx.query('update users set follower_count = $2 where id = $1', [ann.id, readers.length])
      })
      const id = await post(ann, 'To all of you')
      await app.jobs.drain()
      const entries = await app.system.shards.read((db) =>
        db.query<{ reader: string }>(
          'select reader_id::text as reader from feed_entries where post_id = $1',
          [id],
        ),
      )
      assert.deepEqual(
        entries
          .flat()
          .map(({ reader }) => reader)
          .toSorted(),
        readers,
      )
    })
  })
}

test('a page of the feed holds twenty posts, by whomever', async () => {
  await using app = await start({ clusters: 2 })
  const authors = await Promise.all(['ann', 'bob', 'cyd'].map((handle) => signUp(app, handle)))
  const reader = await signUp(app, 'dan')
  for (const author of authors) await follow(reader, author)
  await app.jobs.drain()
  const ids: string[] = []
  for (let at = 0; at < 45; at += 1)
    ids.push((await createPost(app.system, (authors[at % 3] as Visitor).id, `Post ${at}`)).id)
  await app.jobs.drain()
  const sizes: number[] = []
  const read: string[] = []
  for (let before: string | undefined; ; ) {
    const { posts, next } = await readFeed(app.system, reader.id, { before })
    sizes.push(posts.length)
    read.push(...posts.map(({ id }) => id))
    if (next === null) break
    before = next
  }
  assert.deepEqual(sizes, [20, 20, 5])
  assert.deepEqual(read, ids.toSorted().toReversed())
})
