import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { CLUSTERS, PASSWORD, signUp, start, Visitor } from './visitor.ts'

for (const clusters of CLUSTERS) {
  const begin = () => start({ clusters })

  describe(`the API on ${clusters} cluster${clusters > 1 ? 's' : ''}`, () => {
    test('an account: sign up, look, log out, log in', async () => {
      await using app = await begin()
      const ann = new Visitor(app)
      const body = { handle: 'Ann_1', firstName: 'Ann', lastName: 'Lee', password: PASSWORD }
      const account = await ann.expect(201, 'POST', '/api/accounts', { body })
      assert.deepEqual(Object.keys(account), ['id', 'handle'])
      assert.equal(account.handle, 'ann_1')
      const profile = { id: account.id, firstName: 'Ann', lastName: 'Lee', address: null, phoneNumbers: [] }
      assert.deepEqual(await ann.expect(200, 'GET', `/users/${account.id}`), profile)
      assert.deepEqual(await ann.expect(200, 'GET', '/api/me'), {
        ...profile,
        handle: 'ann_1',
        counts: { posts: 0, followers: 0, following: 0 },
      })
      await ann.expect(204, 'DELETE', '/api/session')
      await ann.expect(401, 'GET', '/api/me')
      await ann.expect(204, 'DELETE', '/api/session')
      const again = await ann.expect(200, 'POST', '/api/session', {
        body: { handle: 'ANN_1', password: PASSWORD },
      })
      assert.deepEqual(again, account)
      await ann.expect(200, 'GET', '/api/me')
    })

    test('a profile: any part is changed, the rest stays', async () => {
      await using app = await begin()
      const bob = await signUp(app, 'bob')
      const address = { streetAddress: '21 2nd Street', city: 'New York', state: 'NY', postalCode: '10021' }
      const before = await bob.expect(200, 'GET', `/users/${bob.id}`)
      assert.deepEqual(await bob.expect(200, 'PATCH', '/api/me', { body: {} }), before)
      for (const change of [
        { address },
        { phoneNumbers: ['212 555-1234'] },
        { firstName: 'Bo' },
        { lastName: 'B' },
      ]) {
        Object.assign(before, change)
        assert.deepEqual(await bob.expect(200, 'PATCH', '/api/me', { body: change }), before)
        assert.deepEqual(await bob.expect(200, 'GET', `/users/${bob.id}`), before)
      }
      const { address: none } = await bob.expect(200, 'PATCH', '/api/me', { body: { address: null } })
      assert.equal(none, null)
    })

    test('posts: newest first, public, page by page', async () => {
      await using app = await begin()
      const ann = await signUp(app, 'ann')
      const written: unknown[] = []
      for (let at = 0; at < 23; at += 1) {
        const post = await ann.expect(201, 'POST', '/api/posts', { body: { text: `Post ${at}` } })
        assert.deepEqual(
          { ...post, id: '', createdAt: '' },
          {
            id: '',
            authorId: ann.id,
            text: `Post ${at}`,
            photo: null,
            likes: 0,
            createdAt: '',
          },
        )
        written.unshift(post)
      }
      const stranger = new Visitor(app)
      const first = await stranger.expect(200, 'GET', `/api/users/${ann.id}/posts`)
      assert.equal(first.posts.length, 20)
      const second = await stranger.expect(200, 'GET', `/api/users/${ann.id}/posts?before=${first.next}`)
      assert.equal(second.next, null)
      assert.deepEqual([...first.posts, ...second.posts], written)
      const { counts } = await ann.expect(200, 'GET', '/api/me')
      assert.equal(counts.posts, 23)
    })

    test('likes: counted once each, taken back once', async () => {
      await using app = await begin()
      const [ann, bob] = [await signUp(app, 'ann'), await signUp(app, 'bob')]
      const { id } = await ann.expect(201, 'POST', '/api/posts', { body: { text: 'Like me' } })
      const like = `/api/posts/${id}/like`
      for (const [visitor, method, likes] of [
        [bob, 'PUT', 1],
        [bob, 'PUT', 1],
        [ann, 'PUT', 2],
        [bob, 'DELETE', 1],
        [bob, 'DELETE', 1],
        [ann, 'DELETE', 0],
      ] as const) {
        const state = await visitor.expect(200, method, like)
        assert.deepEqual(state, { id, liked: method === 'PUT', likes })
        const { posts } = await bob.expect(200, 'GET', `/api/users/${ann.id}/posts`)
        assert.equal(posts[0].likes, likes)
      }
    })

    test('follows: counted once each on both sides', async () => {
      await using app = await begin()
      const [ann, bob] = [await signUp(app, 'ann'), await signUp(app, 'bob')]
      for (const [method, followers] of [
        ['DELETE', 0],
        ['PUT', 1],
        ['PUT', 1],
        ['DELETE', 0],
        ['DELETE', 0],
        ['PUT', 1],
      ] as const) {
        const state = await bob.expect(200, method, `/api/follows/${ann.id}`)
        assert.deepEqual(state, { id: ann.id, following: method === 'PUT', followers })
        assert.equal((await ann.expect(200, 'GET', '/api/me')).counts.followers, followers)
        assert.equal((await bob.expect(200, 'GET', '/api/me')).counts.following, followers)
      }
      await bob.expect(422, 'PUT', `/api/follows/${bob.id}`)
      await bob.expect(404, 'PUT', '/api/follows/999')
    })

    test('nothing is done for somebody who is not logged in', async () => {
      await using app = await begin()
      const ann = await signUp(app, 'ann')
      const { id } = await ann.expect(201, 'POST', '/api/posts', { body: { text: 'Mine' } })
      const stranger = new Visitor(app)
      const body = { text: 'No' }
      await stranger.expect(401, 'GET', '/api/me')
      await stranger.expect(401, 'PATCH', '/api/me', { body: { firstName: 'No' } })
      await stranger.expect(401, 'POST', '/api/posts', { body })
      for (const path of [`/api/follows/${ann.id}`, `/api/posts/${id}/like`]) {
        await stranger.expect(401, 'PUT', path)
        await stranger.expect(401, 'DELETE', path)
      }
      // A person is never named in a body: there is no way to write for another.
      await ann.expect(400, 'POST', '/api/posts', { body: { text: 'No', authorId: '12' } })
      await ann.expect(400, 'PATCH', '/api/me', { body: { id: '12' } })
    })
  })
}
