import assert from 'node:assert/strict'
import { test } from 'node:test'
import pg from 'pg'
import { job, type Wired, wired } from './fixtures/wired.ts'

interface Held {
  readonly id: string
  readonly fence: number
  readonly bucket: number
  readonly tag: number
}

const CLAIM =
  'select id, fence, bucket, tag from tenfold.claim_jobs(gen_random_uuid(), $1, 1000, 30000, 1000000) where id is not null'
const COMPLETE = 'select tenfold.complete_jobs($1::bigint[], $2::uuid[], $3::int[], $4::int[]) as refused'

/** How a bucket, or a key in it, is not this cluster's to write, and what ends that. */
const WAYS: Readonly<Record<string, (moved: Held) => readonly [begin: string, end: string]>> = {
  'is being moved': ({ bucket }) => [
    // Whoever moves a bucket takes both.
    `select pg_advisory_lock(1413893188, ${bucket}), pg_advisory_lock(1413893188, -2)`,
    'select pg_advisory_unlock_all()',
  ],
  'has moved away': ({ bucket }) => [
    `update tenfold.buckets set owned = false where bucket = ${bucket}`,
    'update tenfold.buckets set owned = true',
  ],
  'has a key that was isolated elsewhere': ({ bucket, tag }) => [
    `update tenfold.buckets set tags = array[${tag}] where bucket = ${bucket}`,
    `update tenfold.buckets set tags = '{}'`,
  ],
}

for (const owners of [3, 60])
  for (const [how, way] of Object.entries(WAYS))
    test(`a bucket that ${how} is left out of claims and completions, of ${owners} owners`, async (t) => {
      const work = job<null>('work', async () => {})
      const { enqueueFor, connections, sql } = await wired(t, [work])
      for (let owner = 1; owner <= owners; owner++) await enqueueFor(owner, work, [null, null])
      const mover = new pg.Client(connections[0])
      await mover.connect()
      try {
        const [moved] = await sql<Held>('select id, fence, bucket, tag from tenfold.jobs order by id limit 1')
        const [begin, end] = way(moved!)
        const isMoved = ({ tag }: Held): boolean => tag === moved!.tag

        await mover.query(begin)
        const first = await sql<Held>(CLAIM, [1])
        assert.deepEqual([first.length, first.some(isMoved)], [2 * owners - 2, false], 'not claimed')
        await mover.query(end)
        const second = await sql<Held>(CLAIM, [2])
        assert.deepEqual([second.length, second.every(isMoved)], [2, true], 'they waited')

        await mover.query(begin)
        const held = [
          ...first.map((one) => ({ claim: 1, ...one })),
          ...second.map((one) => ({ claim: 2, ...one })),
        ]
        const theirs = second.map(({ id }) => id).sort()
        assert.deepEqual(await completed(sql, held), theirs, 'not completed')
        await mover.query(end)
        assert.deepEqual(await completed(sql, held.slice(-2)), [])
        assert.deepEqual(await sql('select from tenfold.jobs'), [])
      } finally {
        await mover.end()
      }
    })

async function completed(sql: Wired['sql'], held: readonly (Held & { claim: number })[]): Promise<string[]> {
  const [row] = await sql<{ refused: string[] }>(COMPLETE, [
    held.map(({ claim }) => claim),
    held.map(({ id }) => id),
    held.map(({ fence }) => fence),
    held.map(({ bucket }) => bucket),
  ])
  return row!.refused.sort()
}
