import { setTimeout as sleep } from 'node:timers/promises'
import { run } from 'graphile-worker'
import type pg from 'pg'
import type { ConnectionOptions } from '../../src/data/client/types.ts'
import { alternate } from '../kit/alternate.ts'
import { withRuntime } from '../kit/embedded.ts'
import { withPool } from '../kit/pool.ts'
import { nextPost } from '../write/insert.ts'
import { jobsApp } from './app.ts'
import { withBoss, workBoss } from './boss.ts'
import { graphileOptions, TUNED } from './graphile.ts'
import { type Publish, throughBoss, throughGraphile, throughWrite } from './transaction.ts'

/** Jobs of one sample, one after the other. pg-boss polls: its wait is what it was told to wait. */
const PICK_UPS = { tenfold: 15, 'graphile-worker': 15, 'pg-boss': 2 } as const
/** Milliseconds between a run and the next commit: the queue is idle. */
const IDLE_MS = 60
const PICK_UP_MS_MAX = 30_000

/** Milliseconds from the answer to COMMIT until the handler runs, by name: one list for each round. */
export type PickUps = Record<string, number[][]>

/** A worker that is at rest, and how it comes to run what a transaction recorded. */
interface Idle {
  publish: Publish
  /** Resolves with the time at which the handler of this token ran. */
  ran(token: number): Promise<number>
}

export async function comparePickUps(connection: ConnectionOptions, rounds: number): Promise<PickUps> {
  const found: PickUps = {}
  await withPool(connection, 2, (pool) =>
    withAll(connection, pool, async (idles) => {
      for (const idle of Object.values(idles)) await once(idle)
      const contestants = Object.entries(idles).map(([name, idle]) => ({
        name,
        sample: () => several(idle, PICK_UPS[name as keyof typeof PICK_UPS]),
      }))
      for (const [name, list] of await alternate(contestants, rounds)) found[name] = list
      process.stderr.write('pick-up: done\n')
    }),
  )
  return found
}

async function several(idle: Idle, count: number): Promise<number[]> {
  const found: number[] = []
  for (let i = 0; i < count; i++) {
    await sleep(IDLE_MS)
    found.push(await once(idle))
  }
  return found
}

let tokens = 0

async function once({ publish, ran }: Idle): Promise<number> {
  const token = ++tokens
  const running = ran(token)
  await publish(nextPost(), token)
  const committedAt = performance.now()
  // In one process the handler can run before the answer to COMMIT has reached its caller.
  return Math.max(0, (await running) - committedAt)
}

/** Handlers that announce themselves by token. */
class Announcements {
  readonly #waiting = new Map<number, (at: number) => void>()

  handled(token: number): void {
    this.#waiting.get(token)?.(performance.now())
    this.#waiting.delete(token)
  }

  ran(token: number): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<number>()
    const late = setTimeout(() => reject(new Error('A job was not picked up in time')), PICK_UP_MS_MAX)
    this.#waiting.set(token, (at) => {
      clearTimeout(late)
      resolve(at)
    })
    return promise
  }
}

async function withAll(
  connection: ConnectionOptions,
  pool: pg.Pool,
  work: (idles: Record<string, Idle>) => Promise<void>,
): Promise<void> {
  const announcements = new Announcements()
  const ran = (token: number): Promise<number> => announcements.ran(token)
  const app = jobsApp((_id, token) => announcements.handled(token))
  const runner = await run({
    ...graphileOptions(connection, TUNED),
    taskList: { noop: async (payload) => announcements.handled((payload as { id: number }).id) },
  })
  try {
    await withBoss(connection, async (boss) => {
      await workBoss(boss, (token) => announcements.handled(token))
      await withRuntime(
        connection,
        (system) =>
          work({
            tenfold: { publish: throughWrite(system, app), ran },
            'graphile-worker': { publish: throughGraphile(pool), ran },
            'pg-boss': { publish: throughBoss(pool, boss), ran },
          }),
        app.definition,
      )
    })
  } finally {
    await runner.stop()
  }
}
