import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Answer } from './contract.ts'
import { CLUSTERS, PASSWORD, signUp, start, Visitor } from './visitor.ts'

const times = <T>(count: number, make: (at: number) => T): T[] =>
  Array.from({ length: count }, (_, at) => make(at))

const count = (answers: readonly Answer[], status: number): number =>
  answers.filter((answer) => answer.status === status).length

for (const clusters of CLUSTERS) {
  describe(`races on ${clusters} cluster${clusters > 1 ? 's' : ''}`, () => {
    test('20 sign-ups for one handle: one gets it, and can log in', async () => {
      await using app = await start({ clusters })
      const answers = await Promise.all(
        times(20, (at) =>
          new Visitor(app).post('/api/accounts', {
            handle: at % 2 ? 'wanted' : 'WANTED',
            firstName: `F${at}`,
            lastName: 'L',
            password: `${PASSWORD} ${at}`,
          }),
        ),
      )
      assert.equal(count(answers, 201), 1)
      assert.equal(count(answers, 409), 19)
      const winner = answers.findIndex(({ status }) => status === 201)
      const body = { handle: 'wanted', password: `${PASSWORD} ${winner}` }
      const { id } = await new Visitor(app).expect(200, 'POST', '/api/session', { body })
      assert.equal(id, answers[winner]?.json.id)
      assert.equal((await new Visitor(app).get(`/users/${id}`)).json.firstName, `F${winner}`)
      const users = await app.system.shards.read((db) => db.query('select id from users'))
      assert.equal(users.flat().length, 1)
    })

    test('likes and unlikes of many at once: the count is the number of rows', async () => {
      await using app = await start({ clusters })
      const people = await Promise.all(times(6, (at) => signUp(app, `person_${at}`)))
      const [author] = people as [Visitor]
      const post = await author.expect(201, 'POST', '/api/posts', { body: { text: 'Popular' } })
      const like = `/api/posts/${post.id}/like`
      await Promise.all(
        times(60, (at) => (people[at % 6] as Visitor).expect(200, at % 4 === 3 ? 'DELETE' : 'PUT', like)),
      )
      const rows = await app.system.shards.read((db) => db.query('select liker_id from post_likes'))
      const { posts } = await author.expect(200, 'GET', `/api/users/${author.id}/posts`)
      assert.equal(posts[0].likes, rows.flat().length)
      const states = await Promise.all(people.map((person) => person.expect(200, 'PUT', like)))
      assert.equal(Math.max(...states.map(({ likes }) => likes)), 6)
    })

    test('follows and unfollows of many at once: both shards end with the same pairs and counts', async () => {
      await using app = await start({ clusters })
      const people = await Promise.all(times(4, (at) => signUp(app, `person_${at}`)))
      await Promise.all(
        times(72, (at) => {
          const [follower, followee] = [people[at % 4], people[(at + 1 + (at % 3)) % 4]] as [Visitor, Visitor]
          return follower.expect(200, at % 5 < 2 ? 'DELETE' : 'PUT', `/api/follows/${followee.id}`)
        }),
      )
      const state = (table: string): Promise<string[]> =>
        app.system.shards
          .read((db) =>
            db.query<{ pair: string }>(
              `select follower_id || ' → ' || followee_id || ' ' || active || ' ' || version as pair from ${table}`,
            ),
          )
          .then((found) =>
            found
              .flat()
              .map(({ pair }) => pair)
              .toSorted(),
          )
      const following = await state('following')
      assert.deepEqual(await state('followers'), following)
      for (const person of people) {
        const { counts } = await person.expect(200, 'GET', '/api/me')
        const active = following.filter((pair) => pair.includes(' true '))
        assert.equal(counts.following, active.filter((pair) => pair.startsWith(`${person.id} `)).length)
        assert.equal(counts.followers, active.filter((pair) => pair.includes(`→ ${person.id} `)).length)
      }
    })

    test('posts of one person at once: each is there, and counted', async () => {
      await using app = await start({ clusters })
      const ann = await signUp(app, 'ann')
      const posts = await Promise.all(
        times(15, (at) => ann.expect(201, 'POST', '/api/posts', { body: { text: `${at}` } })),
      )
      const page = await ann.expect(200, 'GET', `/api/users/${ann.id}/posts`)
      const ids = (list: { id: string }[]): string[] => list.map(({ id }) => id).toSorted()
      assert.deepEqual(ids(page.posts), ids(posts))
      assert.equal((await ann.expect(200, 'GET', '/api/me')).counts.posts, 15)
    })
  })
}
