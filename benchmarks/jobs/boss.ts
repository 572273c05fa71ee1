import PgBoss from 'pg-boss'
import type { ConnectionOptions } from '../../src/data/client/types.ts'

export const QUEUE = 'noop'
/** Seconds between two looks; pg-boss takes none shorter. */
const POLLING_SECONDS = 0.5

/** pg-boss with its defaults, beside the application's own tables. */
export async function withBoss<R>(
  connection: ConnectionOptions,
  work: (boss: PgBoss) => Promise<R>,
): Promise<R> {
  const { host, port, user, password = '', database } = connection
  const boss = new PgBoss({ host, port, user, password, database })
  boss.on('error', (error) => {
    throw error
  })
  await boss.start()
  try {
    await boss.createQueue(QUEUE)
    return await work(boss)
  } finally {
    await boss.stop({ graceful: false })
  }
}

/** Runs what is in the queue, as often as pg-boss can be told to look. */
export async function workBoss(boss: PgBoss, handled: (token: number) => void): Promise<void> {
  await boss.work<{ id: number }>(QUEUE, { pollingIntervalSeconds: POLLING_SECONDS }, async (jobs) => {
    for (const { data } of jobs) handled(data.id)
  })
}
