import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { DataClient } from '../../../src/data/client/data-client.ts'
import { signalMember } from '../../../src/data/client/fixtures/replicated.ts'
import { connectionOf, settled, sql, unkept, waitFor } from '../../../src/data/client/fixtures/unkept.ts'
import type { ReadOptions } from '../../../src/data/client/read-retry.ts'
import { until } from '../kit/deadline.ts'
import { signal } from '../kit/signal.ts'

const [PRIMARY, COUNTED, OUTSIDE] = ['c0-pg-1', 'c0-pg-2', 'c0-pg-3'] as const
const ROUNDS = 10
/** Milliseconds for an answer: of what the primary does not show yet, while no commit gets through, there may be none. */
const DEADLINE_MS = 200

/** Whoever looks is told that commits wait for every standby. */
const PLANTED = [
  'create schema planted',
  `create view planted.pg_stat_replication as
     select pid, application_name, state, 'quorum'::text as sync_state from pg_catalog.pg_stat_replication`,
  'alter database app set search_path = planted, pg_catalog, public',
]

const accounts = (client: DataClient, options: ReadOptions = {}): Promise<number> =>
  client.readHome(async (db) => (await db.query('select id from accounts')).length, options)

/**
 * A commit waits for one standby that does not get it, and another, for which no commit waits, has it. The primary is lost then.
 * @returns what a session was shown, one after the other
 */
async function shown(
  t: TestContext,
  believed: readonly string[],
  planted: readonly string[],
  enough: (values: readonly number[], rounds: number) => boolean,
): Promise<number[]> {
  const all = await unkept(t)
  await sql(connectionOf(all, PRIMARY), ...planted)
  await waitFor(all, PRIMARY, `ANY 1 ("${COUNTED}")`)
  const client = await all.another()
  await settled(client, PRIMARY, believed)
  // Nothing is sent to it any more.
  const [sender] = await sql(
    connectionOf(all, PRIMARY),
    `select pid from pg_catalog.pg_stat_replication where application_name = '${COUNTED}'`,
  )
  signal(sender!.pid as number, 'SIGSTOP')
  // Asked for once, by somebody who does not try again.
  sql(connectionOf(all, PRIMARY), 'insert into accounts values (1, 0)').catch(() => {})
  await until('the other one has it', async () => {
    return (await sql(connectionOf(all, OUTSIDE), 'select id from accounts')).length > 0 || undefined
  })
  const session = all.session(client)
  const values: number[] = []
  const look = (): Promise<number> => session.request((own) => accounts(own, { deadlineMs: DEADLINE_MS }))
  let rounds = 0
  await until('enough of it', async () => {
    await look().then(
      (value) => values.push(value),
      ({ code }) => assert.equal(code, 'TENFOLD_DATA_UNAVAILABLE'),
    )
    return enough(values, ++rounds) || undefined
  })
  for (const lost of [PRIMARY, OUTSIDE]) signalMember(all.cluster, lost, 'SIGKILL')
  await until('the next primary', () =>
    waitFor(all, COUNTED, '', 'select pg_promote()').then(
      () => true as const,
      () => undefined,
    ),
  )
  await until('it is found', async () => {
    await client.lookAgain('c0')
    return client.cluster('c0').primaryNow?.id === COUNTED || undefined
  })
  values.push(await session.request((own) => accounts(own)))
  return values
}

const goesBack = (values: readonly number[]): boolean =>
  values.some((value, at) => value < (values[at - 1] ?? 0))

test('what only a standby outside of the synchronous set has is shown to nobody, as it may be lost', async (t) => {
  assert.ok(!goesBack(await shown(t, [COUNTED], [], (_, rounds) => rounds >= ROUNDS)))
})

test('a planted bug is caught: a standby outside of the synchronous set serves reads', async (t) => {
  assert.ok(goesBack(await shown(t, [COUNTED, OUTSIDE], PLANTED, (values) => values.includes(1))))
})
