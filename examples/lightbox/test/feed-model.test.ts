import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import fc from 'fast-check'
import { createPost, follow, readFeed, unfollow } from '../domain/index.ts'
import { CLUSTERS, type Site, start } from './visitor.ts'

/*
 * Random people post, follow and unfollow, several at once, while one of them reads page by page. Two followers
 * make a celebrity here, so that the threshold is crossed all the time, up and down.
 */

const PEOPLE = 4
const person = fc.nat(PEOPLE - 1)
const act = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('post' as const), by: person }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('change' as const), by: person, whom: person }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('repeat' as const), by: person, whom: person }) },
)
type Act = { kind: 'post'; by: number } | { kind: 'change' | 'repeat'; by: number; whom: number }

/** What happens between two pages: acts at once, and whether all jobs run before the next page. */
const turn = fc.record({
  acts: fc.array(act, { minLength: 1, maxLength: 8, size: 'max' }),
  drain: fc.boolean(),
})

before(() => {
  process.env.LIGHTBOX_CELEBRITY_FOLLOWERS = '2'
})
after(() => {
  delete process.env.LIGHTBOX_CELEBRITY_FOLLOWERS
})

/** The people of one site, what they posted and whom they follow. */
class World {
  readonly app: Site
  readonly ids: readonly string[]
  readonly posts: { id: string; author: number }[] = []
  readonly follows = new Set<string>()

  constructor(app: Site, ids: readonly string[]) {
    this.app = app
    this.ids = ids
  }

  /** The ids of posts that a reader's feed has once all jobs are done, newest first. */
  feedOf(reader: number): string[] {
    return this.posts
      .filter(({ author }) => author === reader || this.follows.has(`${reader} ${author}`))
      .map(({ id }) => id)
      .toSorted()
      .toReversed()
  }

  /** Each pair at most once in a turn: who is first of two acts on one pair is not known here. */
  async run(acts: readonly Act[]): Promise<void> {
    const busy = new Set<string>()
    await Promise.all(
      acts.map(async (one) => {
        if (one.kind === 'post') return this.#post(one.by)
        const pair = `${one.by} ${one.whom}`
        if (one.by === one.whom || busy.has(pair)) return
        busy.add(pair)
        await this.#follow(one.by, one.whom, this.follows.has(pair) === (one.kind === 'repeat'))
      }),
    )
  }

  async #post(author: number): Promise<void> {
    const { id } = await createPost(this.app.system, this.ids[author] as string, 'A post')
    this.posts.push({ id, author })
  }

  async #follow(by: number, whom: number, on: boolean): Promise<void> {
    await (on ? follow : unfollow)(this.app.system, this.ids[by] as string, this.ids[whom] as string)
    if (on) this.follows.add(`${by} ${whom}`)
    else this.follows.delete(`${by} ${whom}`)
  }

  async page(reader: number, cursor: string | undefined, limit: number) {
    const { posts, next } = await readFeed(this.app.system, this.ids[reader] as string, {
      before: cursor,
      limit,
    })
    return { ids: posts.map(({ id }) => id), authors: posts.map(({ authorId }) => authorId), next }
  }
}

/** People without passwords: nobody has to wait for their hashes. */
async function settle(app: Site): Promise<string[]> {
  const ids = Array.from({ length: PEOPLE }, (_, at) => String(at + 1))
  for (const id of ids)
    await app.system.shard.user(id).write('a person', async (tx) => {
      await tx.query(`insert into users (id, handle, first_name, last_name) values ($1, $2, 'F', 'L')`, [
        id,
        `person_${id}`,
      ])
    })
  return ids
}

for (const clusters of CLUSTERS) {
  describe(`the feed beside a model on ${clusters} cluster${clusters > 1 ? 's' : ''}`, () => {
    test('pages neither skip nor repeat; in the end everybody has what they should', async () => {
      await fc.assert(
        fc.asyncProperty(
          person,
          fc.integer({ min: 1, max: 4 }),
          fc.array(turn, { minLength: 4, maxLength: 16, size: 'max' }),
          fc.boolean(),
          async (reader, limit, turns, runJobs) => {
            await using app = await start({ clusters, config: { runJobs } })
            const ids = await settle(app)
            const world = new World(app, ids)
            const half = turns.length >> 1
            for (const { acts, drain } of turns.slice(0, half)) {
              await world.run(acts)
              if (drain) await app.jobs.drain()
            }
            await app.jobs.drain()
            await readWhile(world, reader, limit, turns.slice(half))
            await app.jobs.drain()
            for (const [at] of ids.entries())
              assert.deepEqual((await world.page(at, undefined, 1000)).ids, world.feedOf(at))
          },
        ),
        { numRuns: process.env.TENFOLD_TEST_LONG ? 500 : 12, endOnFailure: true },
      )
    })
  })
}

/** Reads to the end, one turn between two pages. */
async function readWhile(
  world: World,
  reader: number,
  limit: number,
  turns: readonly { acts: Act[]; drain: boolean }[],
): Promise<void> {
  const there = world.feedOf(reader)
  const authorOf = new Map(world.posts.map(({ id, author }) => [id, author]))
  const left = new Set<number>()
  const read: string[] = []
  let cursor: string | undefined
  for (let at = 0; ; at += 1) {
    const { ids, authors, next } = await world.page(reader, cursor, limit)
    for (const author of authors) {
      const whom = world.ids.indexOf(author)
      assert.ok(whom === reader || world.follows.has(`${reader} ${whom}`), 'nobody unfollowed is shown')
    }
    read.push(...ids)
    if (next === null) break
    cursor = next
    const { acts, drain } = turns[at] ?? { acts: [], drain: false }
    await world.run(acts)
    for (const whom of world.ids.keys()) if (!world.follows.has(`${reader} ${whom}`)) left.add(whom)
    left.delete(reader)
    if (drain) await world.app.jobs.drain()
  }
  assert.deepEqual(read, [...new Set(read)].toSorted().toReversed(), 'newest first, none twice')
  const missed = there.filter((id) => !read.includes(id) && !left.has(authorOf.get(id) as number))
  assert.deepEqual(missed, [], 'what was there at the first page and is still followed was read')
}
