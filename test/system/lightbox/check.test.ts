import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type pg from 'pg'
import lightbox from '../../../examples/lightbox/app.ts'
import { silentLogger } from '../../../src/core/log.ts'
import { prepareData } from '../../../src/data/prepare.ts'
import { testDatabase } from '../../../src/testing/postgres.ts'
import { admin } from '../kit/databases.ts'
import { checkFeed, checkLightbox } from './check.ts'
import { type Diary, type FeedPost, newDiary } from './person.ts'

const POST = '00000000-0000-7000-8000-000000000001'

/** Two people, one post, one like, one follow: all as it should be, by plain SQL around the fence. */
async function world(
  t: TestContext,
): Promise<{ sql: pg.Client; check: () => Promise<string[]>; diary: Diary }> {
  const { connection, drop } = await testDatabase()
  t.after(drop)
  const { migrations } = lightbox.options
  await prepareData({
    clusters: [{ name: 'c0', connection }],
    placing: lightbox.placing,
    migrations,
    log: silentLogger,
  })
  const sql = await admin(t, connection)
  for (const table of ['handles', 'users', 'credentials', 'posts', 'post_likes', 'following', 'followers'])
    await sql.query(`alter table ${table} disable trigger user`)
  await sql.query(`
    insert into users (id, handle, first_name, last_name, post_count, following_count, follower_count)
      values (1, 'one', 'O', 'N', 1, 0, 1), (2, 'two', 'T', 'W', 0, 1, 0);
    insert into posts values (1, '${POST}', 'hello', 1, now());
    insert into post_likes values (1, '${POST}', 2);
    insert into following values (2, 1, true, 1);
    insert into followers values (1, 2, true, 1);`)
  const diary = newDiary()
  diary.people.push('1', '2')
  diary.posts.push({ name: 'hello', outcome: 'ok' })
  diary.likes.set(`2 ${POST}`, true)
  diary.follows.set('2 1', true)
  diary.handles.set('one', ['1']).set('two', ['2'])
  return { sql, diary, check: () => checkLightbox([connection], diary) }
}

/** What is broken by hand, and what must be said of it. */
const PLANTED: Record<string, readonly [sql: string, said: RegExp]> = {
  'a lost post': [
    'delete from posts; update users set post_count = 0; delete from post_likes',
    /hello was acknowledged and is lost/,
  ],
  'a doubled post': [
    `insert into posts values (1, gen_random_uuid(), 'hello', 0, now()); update users set post_count = 2 where id = 1`,
    /hello exists 2 times/,
  ],
  'a count of likes that is wrong': ['update posts set likes = 2', /has 1 likes and says 2/],
  'a count of followers that is wrong': [
    'update users set follower_count = 2 where id = 1',
    /person 1 says 1,0,2/,
  ],
  'a lost like': ['delete from post_likes; update posts set likes = 0', /told true, is false/],
  'half a follow': ['delete from followers; update users set follower_count = 0', /follow 2 1 is half done/],
  'a handle of two people': [`update users set handle = 'one'`, /several people are called one/],
}

test('the check of Lightbox accepts a world that is right', async (t) => {
  const { check } = await world(t)
  assert.deepEqual(await check(), [])
})

for (const [what, [broken, said]] of Object.entries(PLANTED)) {
  test(`the check of Lightbox finds ${what}`, async (t) => {
    const { sql, check } = await world(t)
    await sql.query(broken)
    assert.match((await check()).join('\n'), said)
  })
}

test('the check of a feed accepts one that is right, and finds what is lost, doubled or not followed', () => {
  const diary = newDiary()
  diary.faithful.set('2', '1')
  diary.follows.set('2 1', true)
  diary.follows.set('2 3', false)
  diary.posts.push({ name: '1 says 1', outcome: 'ok' }, { name: '1 says 2', outcome: 'unknown' })
  const post = (id: string, authorId: string, text: string): FeedPost => ({ id, authorId, text })
  const right = [post('a', '1', '1 says 1')]
  assert.deepEqual(checkFeed('2', right, diary), [])
  assert.match(checkFeed('2', [], diary).join(), /2 does not see: 1 says 1/)
  assert.match(checkFeed('2', [...right, ...right], diary).join(), /2 sees post a twice/)
  assert.match(
    checkFeed('2', [...right, post('b', '3', '3 says 1')], diary).join(),
    /does not follow 3 and sees: 3 says 1/,
  )
})
