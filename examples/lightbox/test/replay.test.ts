import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { CLUSTERS, PASSWORD, signUp, start, Visitor } from './visitor.ts'

const key = { 'idempotency-key': 'a-key-of-the-client' }

for (const clusters of CLUSTERS) {
  describe(`a request that is sent again on ${clusters} cluster${clusters > 1 ? 's' : ''}`, () => {
    test('signs up once, whoever sends it', async () => {
      await using app = await start({ clusters })
      const call = {
        body: { handle: 'ann', firstName: 'A', lastName: 'L', password: PASSWORD },
        headers: key,
      }
      const [first, second] = await Promise.all([
        new Visitor(app).expect(201, 'POST', '/api/accounts', call),
        new Visitor(app).expect(201, 'POST', '/api/accounts', call),
      ])
      assert.deepEqual(second, first)
      const third = new Visitor(app)
      assert.deepEqual(await third.expect(201, 'POST', '/api/accounts', call), first)
      // What the replay set is a session that works.
      assert.equal((await third.expect(200, 'GET', '/api/me')).id, first.id)
    })

    test('logs in once: the same token, and it works', async () => {
      await using app = await start({ clusters })
      await signUp(app, 'ann')
      const phone = new Visitor(app)
      const call = {
        body: { handle: 'ann', password: PASSWORD },
        headers: { ...key, 'accept-token': '1' },
      }
      const first = await phone.expect(200, 'POST', '/api/session', call)
      assert.deepEqual(await phone.expect(200, 'POST', '/api/session', call), first)
      phone.token = first.token
      await phone.expect(200, 'GET', '/api/me')
      await phone.expect(204, 'DELETE', '/api/session', { headers: { 'idempotency-key': 'another' } })
      await phone.expect(401, 'GET', '/api/me')
    })

    test('gives the same answer and has one effect, for every operation that changes something', async () => {
      await using app = await start({ clusters })
      const [ann, bob] = [await signUp(app, 'ann'), await signUp(app, 'bob')]
      const { id } = await ann.expect(201, 'POST', '/api/posts', { body: { text: 'First' } })
      const requests = [
        ['POST', '/api/posts', { text: 'Only once' }],
        ['PATCH', '/api/me', { firstName: 'Bobby' }],
        ['PUT', `/api/follows/${ann.id}`],
        ['PUT', `/api/posts/${id}/like`],
        ['DELETE', `/api/follows/${ann.id}`],
        ['DELETE', `/api/posts/${id}/like`],
      ] as const
      for (const [at, [method, path, body]] of requests.entries()) {
        const call = { ...(body && { body }), headers: { 'idempotency-key': `key ${at}`.replace(' ', '-') } }
        const first = await bob.call(method, path, call)
        const second = await bob.call(method, path, call)
        assert.ok(first.status < 300)
        assert.deepEqual([second.status, second.json], [first.status, first.json], `${method} ${path}`)
      }
      const { counts } = await bob.expect(200, 'GET', '/api/me')
      assert.deepEqual(counts, { posts: 1, followers: 0, following: 0 })
    })

    test('answers as it did, though much has happened since', async () => {
      await using app = await start({ clusters })
      const [ann, bob] = [await signUp(app, 'ann'), await signUp(app, 'bob')]
      const { id } = await ann.expect(201, 'POST', '/api/posts', { body: { text: 'First' } })
      const like = `/api/posts/${id}/like`
      const first = await bob.expect(200, 'PUT', like, { headers: key })
      await ann.expect(200, 'PUT', like)
      await bob.expect(200, 'DELETE', like)
      assert.deepEqual(await bob.expect(200, 'PUT', like, { headers: key }), first)
      const { posts } = await ann.expect(200, 'GET', `/api/users/${ann.id}/posts`)
      assert.equal(posts[0].likes, 1, 'the replay likes nothing again')
    })

    test('is refused when it is another request', async () => {
      await using app = await start({ clusters })
      const ann = await signUp(app, 'ann')
      await ann.expect(201, 'POST', '/api/posts', { body: { text: 'One' }, headers: key })
      await ann.expect(422, 'POST', '/api/posts', { body: { text: 'Two' }, headers: key })
      await ann.expect(422, 'PATCH', '/api/me', { body: { firstName: 'A' }, headers: key })
      assert.equal((await ann.expect(200, 'GET', '/api/me')).counts.posts, 1)
      // Keys belong to who sends them.
      const bob = await signUp(app, 'bob')
      await bob.expect(201, 'POST', '/api/posts', { body: { text: 'Two' }, headers: key })
    })
  })
}
