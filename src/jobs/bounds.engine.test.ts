import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { job, wired } from './fixtures/wired.ts'

const times = { poll: 10, stop: 100, abort: 100 }

test('progress is bounded, and what was noted before stays', async (t) => {
  const refused: unknown[] = []
  const circle: { self?: unknown } = {}
  circle.self = circle
  const work = job<null>('work', async (run) => {
    await run.progress({ done: 1 })
    for (const value of ['x'.repeat(8 * 1024), undefined, circle, 1n])
      await run.progress(value).catch((error: unknown) => refused.push((error as { code: string }).code))
    await run.progress('x'.repeat(8 * 1024 - 2))
    // Nobody waits for it: the run does not fail, nor does the process.
    void run.progress('x'.repeat(1e6))
    throw new Error('shown')
  })
  const { enqueueHome, jobs } = await wired(t, [work], { times })
  const [id] = await enqueueHome(work, [null])
  await jobs.drain()
  assert.deepEqual(refused, Array(4).fill('TENFOLD_JOB_PROGRESS'))
  assert.equal((await jobs.handle.get(id!))?.progress, 'x'.repeat(8 * 1024 - 2))
})

test('a payload is bounded: it is refused before anything is sent', async (t) => {
  const work = job<unknown>('work', async () => {})
  const { enqueueHome, sql } = await wired(t, [work], { times })
  for (const length of [1024 * 1024 - 1, 100 * 1024 * 1024])
    await assert.rejects(enqueueHome(work, ['x'.repeat(length)]), { code: 'TENFOLD_JOB_INPUT_INVALID' })
  await enqueueHome(work, ['x'.repeat(1024 * 1024 - 2)])
  assert.equal((await sql('select from tenfold.jobs')).length, 1)
})

test('a claim takes no more bytes than it may, compressed or not, and the next goes on from there', async (t) => {
  const work = job<string>('work', async () => {})
  const { enqueueHome, sql } = await wired(t, [work])
  // Stored outside of the row, compressed within it, and as it is.
  const texts = [random(5_000), 'x'.repeat(60_000), random(100), random(100), 'y'.repeat(60_000), random(300)]
  await enqueueHome(work, texts)
  const claim = async (max: number, bytes: number, more = '') => {
    const rows = await sql<{ payload: string; attempt: number; attempts_max: number; seen: string }>(
      `select * from tenfold.claim_jobs(gen_random_uuid(), (random() * 1e15)::bigint, ${max}, 30000, ${bytes}${more})`,
    )
    const end = rows.pop()!
    return { took: rows.map(({ payload }) => texts.indexOf(payload)), end }
  }
  const after = ({ end }: { end: { seen: string } }) => `, 60000, 0, '${end.seen}'`
  const first = await claim(6, 65_050)
  assert.deepEqual(first.took, [0, 1])
  assert.equal(first.end.attempts_max, 65_002)
  assert.equal(first.end.attempt, 6, 'there may be more')
  const second = await claim(6, 60_000, after(first))
  assert.deepEqual(second.took, [2, 3])
  const third = await claim(6, 50, after(second))
  assert.deepEqual(third.took, [4], 'one is taken, however large')
  const last = await claim(6, 60_000, after(third))
  assert.deepEqual(last.took, [5])
  assert.equal(last.end.attempt, 1, 'and that was all')
})

test('a worker holds few jobs of many bytes, and runs all of them', async (t) => {
  const ran: number[] = []
  let most = 0
  const small = job<null>('small', async () => {})
  const large = job<string>('large', async ({ input }) => {
    const [row] = await sql<{ held: number }>(
      "select count(*)::int as held from tenfold.job_states where state = 'running'",
    )
    most = Math.max(most, row!.held)
    ran.push(input.length)
  })
  const { enqueueHome, jobs, sql } = await wired(t, [small, large], { times })
  // Runs of microseconds: thousands would be claimed at once.
  await enqueueHome(small, Array(500).fill(null))
  await jobs.drain()
  const mebibyte = 1024 * 1024 - 2
  for (let part = 0; part < 4; part++) await enqueueHome(large, Array(20).fill('x'.repeat(mebibyte)))
  await jobs.drain()
  assert.equal(ran.length, 80)
  assert.ok(most > 1 && most <= 48, `${most} at once`)
})

/** Text that does not compress. */
const random = (length: number): string =>
  randomBytes(length)
    .toString('base64')
    .slice(0, length - 2)
