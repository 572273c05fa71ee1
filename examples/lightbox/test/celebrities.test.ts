import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { createPost, follow, readFeed, unfollow } from '../domain/index.ts'
import { reachWith } from '../domain/reach.ts'
import { walkFollowers } from '../domain/walk.ts'
import { CLUSTERS, type Site, start } from './visitor.ts'

before(() => {
  process.env.LIGHTBOX_CELEBRITY_FOLLOWERS = '2'
})
after(() => {
  delete process.env.LIGHTBOX_CELEBRITY_FOLLOWERS
})

const [STAR, ANN, BOB, CYD] = ['1', '2', '3', '4'] as const

async function people(app: Site): Promise<void> {
  for (const id of [STAR, ANN, BOB, CYD])
    await app.system.shard.user(id).write('a person', async (tx) => {
      const insert = `insert into users (id, handle, first_name, last_name) values ($1, $2, 'F', 'L')`
      await tx.query(insert, [id, `person_${id}`])
    })
}

const reachOf = async (app: Site): Promise<string | undefined> => {
  const sql = 'select reach from users where id = $1'
  const [star] = await app.system.shard.user(STAR).read((db) => db.query<{ reach: string }>(sql, [STAR]))
  return star?.reach
}

const feedOf = async (app: Site, id: string): Promise<string[]> =>
  (await readFeed(app.system, id)).posts.map(({ text }) => text)

const entries = async (app: Site): Promise<number> => {
  const found = await app.system.shards.read((db) =>
    db.query<{ n: number }>('select 1 as n from feed_entries'),
  )
  return found.flat().length
}

test('what becomes of a person when followers come and go', () => {
  const steps = [
    ['ordinary', 1, 'ordinary'],
    ['ordinary', 2, 'rising'],
    ['rising', 1, 'rising'],
    ['rising', 3, 'rising'],
    ['celebrity', 2, 'celebrity'],
    ['celebrity', 1, 'former'],
    ['former', 1, 'former'],
    ['former', 2, 'celebrity'],
  ] as const
  for (const [reach, followers, next] of steps) assert.equal(reachWith(reach, followers, 2), next)
})

for (const clusters of CLUSTERS) {
  describe(`celebrities on ${clusters} cluster${clusters > 1 ? 's' : ''}`, () => {
    test('posts before, while and after somebody is one are in the feeds of old and new followers', async () => {
      await using app = await start({ clusters })
      const { system } = app
      await people(app)
      await follow(system, ANN, STAR)
      await createPost(system, STAR, 'ordinary')
      await app.jobs.drain()
      await follow(system, BOB, STAR)
      assert.equal(await reachOf(app), 'rising')
      await createPost(system, STAR, 'rising')
      await app.jobs.drain()
      assert.equal(await reachOf(app), 'celebrity')
      const before = await entries(app)
      await createPost(system, STAR, 'celebrity')
      await app.jobs.drain()
      assert.equal(await entries(app), before, 'a celebrity is not fanned out')
      const three = ['celebrity', 'rising', 'ordinary']
      for (const id of [ANN, BOB, STAR]) assert.deepEqual(await feedOf(app, id), three)
      await unfollow(system, ANN, STAR)
      await unfollow(system, BOB, STAR)
      assert.equal(await reachOf(app), 'former')
      assert.deepEqual(await feedOf(app, BOB), [])
      await follow(system, CYD, STAR)
      await app.jobs.drain()
      assert.deepEqual(await feedOf(app, CYD), three)
      await createPost(system, STAR, 'former')
      await app.jobs.drain()
      assert.deepEqual(await feedOf(app, CYD), ['former', ...three])
      await follow(system, ANN, STAR)
      assert.equal(await reachOf(app), 'celebrity', 'all who follow know already')
      await createPost(system, STAR, 'again')
      await app.jobs.drain()
      for (const id of [ANN, CYD, STAR])
        assert.deepEqual(await feedOf(app, id), ['again', 'former', ...three])
    })

    test('a walk that was broken off goes on after what was done', async () => {
      await using app = await start({ clusters })
      const readers = Array.from({ length: 1200 }, (_, at) => String(7_000_000 + at))
      await app.system.shard.user(STAR).write('followers', async (tx) => {
        const insert = `insert into followers (followee_id, follower_id, active, version)
          select $1, reader, true, 1 from unnest($2::bigint[]) as reader`
        await tx.query(insert, [STAR, readers])
      })
      const walk = async (attempt: number, progress: object | null, stopAfter: number) => {
        const reached = new Set<string>()
        let steps = 0
        let last = progress
        const stop = new AbortController()
        const jobs = { ...app.system.jobs, get: async () => ({ progress }) as never }
        const run = {
          id: 'a job',
          attempt,
          signal: stop.signal,
          progress: async (value: object) => {
            last = value
            steps += 1
            if (steps === stopAfter) stop.abort(new Error('broken off'))
          },
        }
        const walking = walkFollowers({ ...proxied(app), jobs }, run, STAR, async (_, some) => {
          for (const id of some) reached.add(id)
        })
        const failed = await walking.then(
          () => false,
          () => true,
        )
        return { reached, last, failed }
      }
      const first = await walk(1, null, 1)
      assert.ok(first.failed)
      assert.equal(first.reached.size, 500)
      const second = await walk(2, first.last, Number.POSITIVE_INFINITY)
      assert.equal(second.failed, false)
      assert.equal(second.reached.size, 700)
      assert.deepEqual([...first.reached.union(second.reached)].toSorted(), readers)
    })
  })
}

/** Copies of the handles that a walk needs; `system.request` must not be touched outside of a request. */
const proxied = ({ system }: Site) => ({ shard: system.shard }) as unknown as Site['system']
