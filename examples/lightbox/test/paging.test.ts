import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { createPost, listPosts, type PageOf, type PostCard, recentPosts } from '../domain/index.ts'
import { signUp, start, Visitor } from './visitor.ts'

/** Reads to the end, `limit` posts a page; before each page after the first, `meanwhile` happens. */
async function readAll(
  page: (before: string | undefined) => Promise<PageOf<PostCard>>,
  meanwhile: (at: number) => Promise<unknown>,
): Promise<string[]> {
  const read: string[] = []
  let before: string | undefined
  for (let at = 0; ; at += 1) {
    const { posts, next } = await page(before)
    read.push(...posts.map(({ id }) => id))
    if (next === null) return read
    before = next
    await meanwhile(at)
  }
}

describe('pages of posts', () => {
  test('neither skip nor repeat a post, whatever is posted meanwhile', async () => {
    await using app = await start({ clusters: 2 })
    const people = [await signUp(app, 'ann'), await signUp(app, 'bob'), await signUp(app, 'cyd')]
    const ids = people.map(({ id }) => id)
    const post = (at: number) => createPost(app.system, ids[at % ids.length] as string, `Post ${at}`)
    for (let at = 0; at < 17; at += 1) await post(at)
    const before = async (pages: typeof mine) => readAll(pages(100), async () => {})
    const mine = (limit: number) => (cursor?: string) =>
      listPosts(app.system, ids[0] as string, { before: cursor, limit })
    const everyones = (limit: number) => (cursor?: string) =>
      recentPosts(app.system, { before: cursor, limit })
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(mine, everyones),
        fc.integer({ min: 1, max: 7 }),
        fc.array(fc.nat(2), { maxLength: 6 }),
        async (pages, limit, arrivals) => {
          const there = await before(pages)
          const read = await readAll(pages(limit), async (at) => {
            for (let count = arrivals[at] ?? 0; count > 0; count -= 1) await post(at + count)
          })
          assert.deepEqual(read, there)
        },
      ),
      { numRuns: 25 },
    )
  })

  test('a forged cursor is refused, a foreign one harmless', async () => {
    await using app = await start()
    const ann = await signUp(app, 'ann')
    const path = `/api/users/${ann.id}/posts`
    const visitor = new Visitor(app)
    const forged = [
      '',
      'x',
      '%00',
      '12',
      "' or 1=1 --",
      '00000000000000000000-w',
      'A'.repeat(22),
      'A'.repeat(5000),
      '💾',
      // A UUID of another version, and one with bits beyond its end.
      Buffer.from('c3d4e5f60000400080000000000000ff', 'hex').toString('base64url'),
      'AaH_v-4Qc1enGpevlXl7-h',
    ]
    for (const cursor of forged)
      await visitor.expect(400, 'GET', `${path}?before=${encodeURIComponent(cursor)}`)
    const foreign = Buffer.from('ffffffffffff7000bfffffffffffffff', 'hex').toString('base64url')
    assert.deepEqual(await visitor.expect(200, 'GET', `${path}?before=${foreign}`), { posts: [], next: null })
  })
})
