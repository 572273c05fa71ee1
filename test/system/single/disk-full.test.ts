import { test } from 'node:test'
import pg from 'pg'
import type { ConnectionOptions } from '../../../src/data/client/types.ts'
import { until, within } from '../kit/deadline.ts'
import { assertSound } from '../kit/judge.ts'
import { chooseSeed, Dice, LONG } from '../kit/seed.ts'
import { ServerProcess } from '../kit/server.ts'
import { fill, NO_SMALL_DISK, smallDisk, unfill } from '../kit/small-disk.ts'
import { startWorkload } from '../kit/workload.ts'

/** A new data folder with its log takes about 60 MB; the rest is soon full. */
const DISK = '96m'

/** Asks for new log segments until PostgreSQL finds no room for one, and is gone. */
async function endLog(server: ServerProcess): Promise<void> {
  const before = await server.node('data')
  const [connection] = await server.connections()
  const client = new pg.Client(connection as ConnectionOptions)
  const gone = new Promise<void>((resolve) => client.once('end', () => resolve()))
  client.on('error', () => {}) // it is meant to be lost
  await client.connect()
  for (let switches = 0; switches < 20; switches++) {
    const failure = await client
      .query("select pg_logical_emit_message(true, 'kit', repeat('x', 100000)), pg_switch_wal()")
      .then(
        () => undefined,
        (error: Error) => error,
      )
    if (failure) break
  }
  await within(gone, 'the end of PostgreSQL without room for its log')
  await until(
    'the end of the process',
    async () => (await server.node('data'))?.pid !== before?.pid || undefined,
  )
}

test('FAULTS case 12: the disk is full while a workload runs: errors, no false acknowledgement, and it recovers', {
  skip: NO_SMALL_DISK,
}, async (t) => {
  const seed = chooseSeed()
  t.diagnostic(`TENFOLD_SEED=${seed}`)
  let running: ServerProcess | undefined
  const dir = smallDisk(t, DISK, () => running?.stop())
  const server = await ServerProcess.start(t, { dir })
  running = server
  const stop = new AbortController()
  const workload = startWorkload({
    url: server.url,
    dice: new Dice(seed),
    sessions: 4,
    durationMs: LONG ? 1_200_000 : 120_000,
    signal: stop.signal,
  })
  const refused = (): number => Object.values(workload.troubles()).reduce((sum, count) => sum + count, 0)
  try {
    for (let round = 0; round < (LONG ? 20 : 2); round++) {
      await within(workload.progress(40), 'work on an empty disk')
      const before = refused()
      fill(dir)
      await until('errors on a full disk', () => refused() > before + 3 || undefined, 60_000)
      // First only tables cannot grow. Then there is no room for the log either, and PostgreSQL must give up.
      if (round % 2 === 1) await endLog(server)
      unfill(dir)
      await within(workload.progress(40), 'work when there is room again', 60_000)
      await server.ready()
    }
  } catch (error) {
    throw new Error(`${(error as Error).message}\n${server.logTail()}`, { cause: error })
  } finally {
    stop.abort()
    unfill(dir)
    await workload.done.catch(() => {})
  }
  await workload.done
  t.diagnostic(JSON.stringify(workload.troubles()))
  await assertSound(t, workload.recorder, await server.connections(), `seed ${seed}`)
})
