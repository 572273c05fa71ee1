import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { copyFollow, type Decided } from '../domain/follow-copy.ts'
import { getPerson, relationship } from '../domain/index.ts'
import { signUp, start } from './visitor.ts'

test('decisions about a follow may arrive in any order and more than once: the last one holds', async () => {
  await using app = await start({ clusters: 2 })
  const ann = await signUp(app, 'ann')
  // Versions go on from run to run, as the changes of one pair do.
  let newest = 0
  const decisions = fc.integer({ min: 1, max: 5 }).chain((count) => {
    const list = Array.from(
      { length: count },
      (_, at): Decided => ({ active: at % 2 === 0, version: at + 1 }),
    )
    return fc
      .array(fc.constantFrom(...list), { maxLength: 4 })
      .chain((again) => fc.shuffledSubarray([...list, ...again], { minLength: list.length + again.length }))
  })
  await fc.assert(
    fc.asyncProperty(decisions, async (arrivals) => {
      const base = newest
      const count = Math.max(...arrivals.map(({ version }) => version))
      for (const { active, version } of arrivals) {
        await copyFollow(app.system, '12', ann.id, { active, version: base + version })
      }
      newest = base + count
      const following = count % 2 === 1
      const { counts } = await getPerson(app.system, ann.id)
      assert.equal(counts.followers, Number(following))
      assert.equal((await relationship(app.system, ann.id, '12')).followedBy, following)
    }),
    { numRuns: 40, endOnFailure: true },
  )
})

test('a follow whose second half was lost is mended by the same PUT', async () => {
  await using app = await start({ clusters: 2 })
  const [ann, bob] = [await signUp(app, 'ann'), await signUp(app, 'bob')]
  // What a process leaves that dies between the two writes.
  await app.system.shard.user(ann.id).write('half a follow', async (tx) => {
    const insert =
      'insert into following (follower_id, followee_id, active, version) values ($1, $2, true, 1)'
    await tx.query(insert, [ann.id, bob.id])
    await tx.query('update users set following_count = 1 where id = $1', [ann.id])
  })
  assert.deepEqual(await ann.expect(200, 'PUT', `/api/follows/${bob.id}`), {
    id: bob.id,
    following: true,
    followers: 1,
  })
  assert.equal((await ann.expect(200, 'GET', '/api/me')).counts.following, 1)
  assert.equal((await ann.expect(200, 'DELETE', `/api/follows/${bob.id}`)).followers, 0)
})
