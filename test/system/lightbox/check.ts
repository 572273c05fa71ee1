import pg from 'pg'
import type { ConnectionOptions } from '../../../src/data/client/types.ts'
import { checkRecords } from '../kit/checkers/records.ts'
import type { Diary, FeedPost } from './person.ts'

/** Rows of every cluster together. */
type All = <Row>(sql: string, params?: readonly unknown[]) => Promise<Row[]>

/** Everything that must hold of Lightbox's tables once all jobs are done, whatever was killed; and what people were told. */
export async function checkLightbox(clusters: readonly ConnectionOptions[], diary: Diary): Promise<string[]> {
  const clients = clusters.map((connection) => new pg.Client(connection))
  await Promise.all(clients.map((client) => client.connect()))
  const all: All = async <Row>(sql: string, params: readonly unknown[] = []) =>
    (await Promise.all(clients.map((client) => client.query(sql, params as unknown[])))).flatMap(
      ({ rows }) => rows as Row[],
    )
  try {
    return [
      ...(await checkPosts(all, diary)),
      ...(await checkCounts(all)),
      ...(await checkStates(all, diary)),
      ...(await checkHandles(all, diary)),
    ]
  } finally {
    await Promise.all(clients.map((client) => client.end()))
  }
}

async function checkPosts(all: All, { posts, people }: Diary): Promise<string[]> {
  const rows = await all<{ text: string }>('select text from posts where author_id = any($1)', [people])
  const found = checkRecords(
    'post',
    posts,
    rows.map(({ text }) => text),
  )
  return found.map(({ message }) => message)
}

/** Each count beside the rows that it counts; the counts of followers lie on another shard than who follows. */
async function checkCounts(all: All): Promise<string[]> {
  const likes = await all<{ id: string; likes: number; rows: number }>(
    `select id, likes, (select count(*)::int from post_likes l where l.author_id = p.author_id and l.post_id = p.id) as rows
     from posts p`,
  )
  const people = await all<{ id: string; told: number[]; counted: number[] }>(
    `select id, array[post_count, following_count, follower_count] as told, array[
       (select count(*) from posts where author_id = u.id),
       (select count(*) from following where follower_id = u.id and active),
       (select count(*) from followers where followee_id = u.id and active)]::int[] as counted
     from users u`,
  )
  return [
    ...likes
      .filter((post) => post.likes !== post.rows)
      .map((post) => `post ${post.id} has ${post.rows} likes and says ${post.likes}`),
    ...people
      .filter(({ told, counted }) => told.join() !== counted.join())
      .map(
        ({ id, told, counted }) =>
          `person ${id} says ${told} posts, following, followers: there are ${counted}`,
      ),
  ]
}

/** What each was told last is what is there, and both shards of a follow agree. */
async function checkStates(all: All, { likes, follows }: Diary): Promise<string[]> {
  const pairs = async (sql: string): Promise<Set<string>> =>
    new Set((await all<{ pair: string }>(sql)).map(({ pair }) => pair))
  const liked = await pairs("select liker_id || ' ' || post_id as pair from post_likes")
  const following = await pairs(
    "select follower_id || ' ' || followee_id as pair from following where active",
  )
  const followed = await pairs("select follower_id || ' ' || followee_id as pair from followers where active")
  const differ = (what: string, told: Diary['likes'], held: Set<string>): string[] =>
    [...told]
      .filter(([pair, on]) => on !== undefined && on !== held.has(pair))
      .map(([pair, on]) => `${what} ${pair}: told ${on}, is ${held.has(pair)}`)
  const halves = [...following.symmetricDifference(followed)]
  return [
    ...differ('like', likes, liked),
    ...differ('follow', follows, following),
    ...halves.map((pair) => `follow ${pair} is half done`),
  ]
}

async function checkHandles(all: All, { handles }: Diary): Promise<string[]> {
  const users = await all<{ id: string; handle: string }>('select id, handle from users')
  const owners = Map.groupBy(users, ({ handle }) => handle)
  return [
    ...[...owners]
      .filter(([, same]) => same.length > 1)
      .map(([handle]) => `several people are called ${handle}`),
    ...[...handles]
      .filter(([handle, ids]) => ids.length !== 1 || owners.get(handle)?.[0]?.id !== ids[0])
      .map(([handle, ids]) => `${handle} was given to ${ids}, and is ${owners.get(handle)?.[0]?.id}'s`),
  ]
}

/** What a reader's feed must be, page after page: nothing twice, nothing missing of whom they always followed. */
export function checkFeed(reader: string, feed: readonly FeedPost[], diary: Diary): string[] {
  const { faithful, follows, posts } = diary
  const ids = feed.map(({ id }) => id)
  const texts = new Set(feed.map(({ text }) => text))
  const author = faithful.get(reader)
  const shown = (other: string): boolean =>
    other === reader || other === author || follows.get(`${reader} ${other}`) !== false
  return [
    ...ids.filter((id, at) => ids.indexOf(id) !== at).map((id) => `${reader} sees post ${id} twice`),
    ...posts
      .filter(
        ({ name, outcome }) =>
          outcome === 'ok' && [author, reader].some((by) => name.startsWith(`${by} says`)),
      )
      .filter(({ name }) => !texts.has(name))
      .map(({ name }) => `${reader} does not see: ${name}`),
    ...feed
      .filter(({ authorId }) => !shown(authorId))
      .map(({ text, authorId }) => `${reader} does not follow ${authorId} and sees: ${text}`),
  ]
}
