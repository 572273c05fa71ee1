import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { systemClock } from '../../core/clock.ts'
import { createMetrics } from '../../telemetry/metrics.ts'
import type { DataClient } from './data-client.ts'
import { type Replicated, replicated, signalMember, type TestSession } from './fixtures/replicated.ts'

const SESSIONS = 12

/** A register of a session's own: every read must give the last value that the session wrote. */
async function visit(session: TestSession, id: number, value: number): Promise<void> {
  await session.request((client) =>
    client.writeAt(client.target('user', id), 'set', (tx) =>
      tx.query(
        `insert into users (id, name, visits) values ($1, 'x', $2) on conflict (id) do update set visits = $2`,
        [id, value],
      ),
    ),
  )
}

const look = (session: TestSession, id: number): Promise<number | undefined> =>
  session.request((client) => valueOf(client, id))

async function valueOf(client: DataClient, id: number): Promise<number | undefined> {
  const rows = await client.readAt<never, { visits: number }[]>(client.target('user', id).placement, (db) =>
    db.query('select visits from users where id = $1', [id]),
  )
  return rows[0]?.visits
}

/** Sessions that write now and then and read what they wrote; ends with what took longest. */
function reading({ session }: Replicated, client: DataClient) {
  let over = false
  let finished = 0
  let longestMs = 0
  const waiting = new Set<{ at: number; resolve: () => void }>()
  const one = async (id: number): Promise<void> => {
    const own = session(client)
    for (let value = 1; !over; value++) {
      await visit(own, id, value)
      for (let count = 0; count < 9 && !over; count++) {
        const startedAt = systemClock.monotonic()
        assert.equal(await look(own, id), value)
        longestMs = Math.max(longestMs, systemClock.monotonic() - startedAt)
        finished++
        for (const waiter of waiting) if (waiter.at <= finished && waiting.delete(waiter)) waiter.resolve()
      }
    }
  }
  const all = Promise.all(Array.from({ length: SESSIONS }, (_, at) => one(at + 1)))
  const failed = new Promise<never>((_, reject) => void all.catch(reject))
  failed.catch(() => {})
  return {
    progress: (count: number) =>
      Promise.race([
        failed,
        new Promise<void>((resolve) => void waiting.add({ at: finished + count, resolve })),
      ]),
    end: async () => {
      over = true
      await all
      return { longestMs, finished }
    },
  }
}

test('reads leave the primary, and every session reads its own writes', async (t) => {
  const all = await replicated(t)
  const metrics = createMetrics({ processMetrics: false })
  const client = await all.another({ metrics })
  await client.lookAgain('c0')
  const load = reading(all, client)
  await load.progress(4_000)
  const { finished, longestMs } = await load.end()
  const { replica, primary, waits } = client.cluster('c0').metrics
  t.diagnostic(
    `${finished} reads: ${replica.value} on replicas, ${primary.value} on the primary, ${waits.value} waited, longest ${Math.round(longestMs)} ms`,
  )
  t.diagnostic(
    (await metrics.text())
      .split('\n')
      .filter((line) => /^data_/.test(line))
      .join(' '),
  )
  assert.ok(replica.value / (replica.value + primary.value) >= 0.95)
})
