import assert from 'node:assert/strict'
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
