import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from '../core/random.ts'
import { job, type Tx, wired } from './fixtures/wired.ts'

/** Nobody looks after what was left blocked. */
const times = { poll: 10, stop: 500, abort: 500, repair: 3_600_000, alone: 20 }
const OWNERS = 7
const MOST = 2

for (const seed of [20_261_125, 2, 11])
  test(`three workers, limits, cancels and retries: nothing is lost, run twice, or left standing (${seed})`, async (t) => {
    const random = seededRandom(seed)
    const chance = (of: number): boolean => random.next() < of
    const running = new Map<string, number>()
    const tooMany: string[] = []
    const done = new Map<string, number>()
    const counted = (owner: string): (() => void) => {
      const count = (running.get(owner) ?? 0) + 1
      running.set(owner, count)
      if (count > MOST) tooMany.push(owner)
      let over = false
      return () => {
        if (!over) running.set(owner, (running.get(owner) ?? 0) - 1)
        over = true
      }
    }
    const limited = job<{ n: number; owner: string }>(
      'limited',
      async (run) => {
        const over = counted(run.input.owner)
        try {
          for (let turn = 0; turn < run.input.n % 4; turn++) await new Promise((next) => setImmediate(next))
          if (chance(0.2)) throw new Error('by chance')
          if (chance(0.3)) {
            // From its commit on the next one may run.
            over()
            await run.write('account', (tx: Tx) =>
              tx.query('insert into accounts values ($1, 1)', [run.input.n]),
            )
          }
          done.set(run.id, (done.get(run.id) ?? 0) + 1)
        } finally {
          over()
        }
      },
      { concurrency: MOST, attempts: 3, backoff: [0, 5] },
    )
    const { enqueueHome, jobs, another, sql } = await wired(t, [limited], { slots: 6, times })
    const workers = [jobs, await another({ slots: 6, times }), await another({ slots: 6, times })]
    for (const { worker } of workers) await worker.start()
    const ids: string[] = []
    const cancelled = new Set<string>()
    for (let round = 0; round < 150; round++) {
      const owner = `owner ${round % OWNERS}`
      const inputs = Array.from({ length: 1 + Math.floor(random.next() * 6) }, (_, at) => ({
        n: round * 10 + at,
        owner,
      }))
      ids.push(
        ...(await enqueueHome(limited, inputs, { owner, priority: round % 3, delay: chance(0.2) ? 20 : 0 })),
      )
      const id = ids[Math.floor(random.next() * ids.length)] as string
      if (await jobs.handle.cancel(id)) cancelled.add(id)
      if (round % 20 === 0) await jobs.retry('all')
      if (round === 75) await workers[2]?.worker.stop()
    }
    while ((await sql('select from tenfold.jobs where state <> 4')).length > 0);
    const dead = new Set((await jobs.list({ state: 'dead', limit: 1_000 })).map(({ id }) => id))
    assert.deepEqual(
      ids.filter((id) => !done.has(id) && !cancelled.has(id) && !dead.has(id)),
      [],
    )
    assert.deepEqual(
      [...done].filter(([, count]) => count > 1),
      [],
    )
    assert.deepEqual(tooMany, [])
    const waits = 'select deadlocks::int from pg_stat_database where datname = current_database()'
    assert.deepEqual(await sql(waits), [{ deadlocks: 0 }])
  })
