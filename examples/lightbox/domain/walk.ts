import type { Tx } from 'tenfold'
import type { Lightbox } from './placing.ts'

/** Followers read at once. */
const STEP = 500
/** Transactions under way at once, so that a long walk leaves room for everybody else. */
const AT_ONCE = 4

/** As much of a job's run as a walk needs. */
interface Run {
  readonly id: string
  readonly attempt: number
  readonly signal: AbortSignal
  progress(value: { bucket: number; followerId: string; done: number }): Promise<void>
}

type Deliver = (tx: Pick<Tx<unknown>, 'query'>, readers: string[]) => Promise<unknown>

interface Follower {
  id: string
  bucket: number
}

/**
 * Calls `deliver` in transactions that together cover every follower of a person. Followers come in the order of
 * their buckets, because a transaction is fenced to one: the more followers, the more of them share each
 * transaction. At most {@link STEP} are in memory. `deliver` must be idempotent: a run that was broken off is
 * continued after the last step that was done, so a step may come twice.
 */
export async function walkFollowers(
  system: Lightbox,
  job: Run,
  personId: string,
  deliver: Deliver,
): Promise<void> {
  let at = await placeOf(system, job)
  for (;;) {
    job.signal.throwIfAborted()
    const followers = await nextFollowers(system, personId, at)
    const last = followers.at(-1)
    if (!last) return
    const groups = await groupsOf(system, followers)
    await inTurn(groups, (readers) => {
      job.signal.throwIfAborted()
      // The name is new with each attempt: followers who came or went meanwhile have changed the groups.
      const name = `deliver ${job.attempt} to ${readers[0]} and others`
      return system.shard.user(readers[0] as string).write(name, async (tx) => {
        await deliver(tx, readers)
      })
    })
    at = { bucket: last.bucket, followerId: last.id, done: at.done + followers.length }
    // Not waited for: it is stored a few times a second, and an older place is as good.
    void job.progress(at)
    if (followers.length < STEP) return
  }
}

const START = { bucket: -1, followerId: '0', done: 0 }

/** Where the attempt before this one was. */
async function placeOf(system: Lightbox, job: Run): Promise<typeof START> {
  if (job.attempt === 1) return START
  const status = await system.jobs.get(job.id)
  return (status?.progress as typeof START | null | undefined) ?? START
}

// The bucket as the fence counts it; followers_by_bucket is an index of the same expression.
const BUCKET = '(hashint8extended(follower_id, 0) & 4095)'
const NEXT = `select follower_id::text as id, ${BUCKET}::int as bucket from followers
where followee_id = $1 and active and (${BUCKET}, follower_id) > ($2::bigint, $3::bigint)
order by ${BUCKET}, follower_id limit ${STEP}`

function nextFollowers(system: Lightbox, personId: string, at: typeof START): Promise<Follower[]> {
  return system.shard
    .user(personId)
    .read((db) => db.query<Follower>(NEXT, [personId, at.bucket, at.followerId]))
}

/** Those of one bucket on one cluster: a person with a cluster of their own is not with the rest of the bucket. */
async function groupsOf(system: Lightbox, followers: readonly Follower[]): Promise<string[][]> {
  const bucketOf = new Map(followers.map(({ id, bucket }) => [id, bucket]))
  const ids = followers.map(({ id }) => id)
  const clusters = await system.shard.user.many(ids, async (_, keys) => keys)
  return clusters.flatMap((keys) => [...Map.groupBy(keys, (id) => bucketOf.get(id)).values()])
}

/** Runs `act` on each item, {@link AT_ONCE} at a time; after a failure no further one begins. */
async function inTurn<T>(items: readonly T[], act: (item: T) => Promise<void>): Promise<void> {
  let next = 0
  const work = async (): Promise<void> => {
    while (next < items.length) {
      const item = items[next++] as T
      await act(item).catch((error: unknown) => {
        next = items.length
        throw error
      })
    }
  }
  const results = await Promise.allSettled(Array.from({ length: AT_ONCE }, work))
  for (const result of results) if (result.status === 'rejected') throw result.reason
}
