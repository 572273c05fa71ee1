import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { test } from 'node:test'
import { systemClock } from '../../core/clock.ts'
import { type Logger, silentLogger } from '../../core/log.ts'
import { testDatabase } from '../../testing/postgres.ts'
import { Statements } from '../connection/statements.ts'
import type { TestCluster } from '../failover/fixtures/cluster.ts'
import { prepareData } from '../prepare.ts'
import { findPrimary } from '../routing/find-primary.ts'
import { Cluster, WAITING_MAX } from './cluster.ts'
import type { DataClient } from './data-client.ts'
import { PLACING } from './fixtures/fixture.ts'
import { type Replicated, replicated, signalMember, type TestSession } from './fixtures/replicated.ts'
import { answering, connectionOf, DIRECTORY, idOf, settled, sql, unkept, waitFor } from './fixtures/unkept.ts'
import type { ReadOptions } from './read-retry.ts'
import { upkeepSessions } from './upkeep-session.ts'

/** Which member takes a write. */
const writing = (client: DataClient): Promise<string> =>
  client.writeHome('where', async (tx) => idOf((await tx.query<{ dir: string }>(DIRECTORY))[0]!.dir))

/** Reads once, in a new session. Nobody else may answer but the primary, where they were behind and that is counted. */
async function answersFrom(
  ids: readonly string[],
  client: DataClient,
  session: TestSession,
): Promise<string> {
  const cluster = client.cluster('c0')
  const { primary } = cluster.metrics
  const before = primary.value
  const id = await answering(session)
  const isFallback = id === cluster.primaryNow?.id && primary.value > before
  assert.ok(ids.includes(id) || isFallback, `${id}, not ${ids}`)
  return id
}

function logged(): { log: Logger; lines: string[] } {
  const lines: string[] = []
  const note = (fields: object, message: string): void =>
    void lines.push(`${JSON.stringify(fields)} ${message}`)
  const log: Logger = { ...silentLogger, warn: note, error: note, child: () => log }
  return { log, lines }
}

test('a standby outside of the synchronous set answers nobody', async (t) => {
  const all = await unkept(t)
  const { client, session } = all
  await waitFor(all, 'c0-pg-1', 'ANY 1 ("c0-pg-2")')
  await settled(client, 'c0-pg-1', ['c0-pg-2'])
  const answered = new Set<string>()
  for (let round = 0; round < 30; round++) answered.add(await answersFrom(['c0-pg-2'], client, session()))
  assert.ok(answered.has('c0-pg-2'))
  // Where no commit waits for any, none is worse than the primary.
  await waitFor(all, 'c0-pg-1', '')
  await settled(client, 'c0-pg-1', ['c0-pg-2', 'c0-pg-3'])
})

test('case 5: a primary that was replaced and goes on is neither read nor written', async (t) => {
  const all = await unkept(t)
  const { cluster, another, session } = all
  const { log, lines } = logged()
  const client = await another({ log })
  await settled(client, 'c0-pg-1', ['c0-pg-2', 'c0-pg-3'])
  // It would still acknowledge: c0-pg-3 follows it.
  await waitFor(all, 'c0-pg-2', '', 'select pg_promote()')
  await client.lookAgain('c0')
  assert.equal(client.cluster('c0').primaryNow?.id, 'c0-pg-2')
  for (let round = 0; round < 10; round++) {
    assert.equal(await writing(client), 'c0-pg-2')
    assert.equal(await answering(session(client)), 'c0-pg-2')
  }
  assert.equal((await client.positionOf('c0')).timeline, 2)
  assert.match(lines.join('\n'), /"member":"c0-pg-1"} a member takes writes though it has been replaced/)
  // Not even when nobody else takes writes any more.
  signalMember(cluster, 'c0-pg-2', 'SIGKILL')
  await client.lookAgain('c0')
  await assert.rejects(
    client.writeHome('late', (tx) => tx.query('select 1'), { deadlineMs: 300 }),
    /not applied \(No primary for .*c0-pg-1: was replaced as the primary/,
  )
})

test('whoever has handed over in order is not taken for one that goes on', async (t) => {
  const all = await replicated(t)
  const [cluster] = all.clusters as [TestCluster]
  const { log, lines } = logged()
  const client = await all.another({ log })
  await settled(client, 'c0-pg-1', ['c0-pg-2', 'c0-pg-3'])
  await cluster.keeper.switchover()
  const { primary } = await cluster.whole()
  const replicas = ['c0-pg-1', 'c0-pg-2', 'c0-pg-3'].filter((id) => id !== primary)
  await settled(client, primary, replicas)
  assert.doesNotMatch(lines.join('\n'), /takes writes though it has been replaced/)
})

test('a session that has seen a later timeline makes a process look for it', async (t) => {
  const all = await unkept(t)
  const { client, session } = all
  await waitFor(all, 'c0-pg-2', '', 'select pg_promote()')
  // As another process has told the session, which has several tabs; this one may not have looked since.
  const tabs = Array.from({ length: 4 }, () => {
    const late = session()
    late.token = '1~c0:2:0/0:0/1'
    return answering(late)
  })
  assert.deepEqual(new Set(await Promise.all(tabs)), new Set(['c0-pg-2']))
  assert.equal(await writing(client), 'c0-pg-2')
})

test('the sessions that read from replicas outlast a switchover', async (t) => {
  const all = await replicated(t)
  const { client } = all
  const [cluster] = all.clusters as [TestCluster]
  await settled(client, 'c0-pg-1', ['c0-pg-2', 'c0-pg-3'])
  const reader = all.session()
  const began = `(select backend_start from pg_stat_activity where pid = pg_backend_pid())`
  /** Who answers, in a session of when. */
  const read = (options?: ReadOptions): Promise<{ id: string; began: Date }> =>
    reader.request(async () => {
      const [row] = await client.readHome<never, { dir: string; began: Date }[]>(
        (db) => db.query(`${DIRECTORY}, ${began} as began`),
        options,
      )
      return { id: idOf(row!.dir), began: row!.began }
    })
  // The first ones find out that the statement is fast; then many at once need all of the shared sessions.
  for (let turn = 0; turn < 40; turn++) await Promise.all(Array.from({ length: 8 }, () => read()))
  let isOver = false
  const reading = (async () => {
    while (!isOver) await read()
  })()
  const startedAt = new Date()
  await cluster.keeper.switchover()
  const { primary } = await cluster.whole()
  const replicas = ['c0-pg-1', 'c0-pg-2', 'c0-pg-3'].filter((id) => id !== primary)
  await settled(client, primary, replicas)
  isOver = true
  await reading
  const now: Awaited<ReturnType<typeof read>>[] = []
  // One after another: a session that had nothing to do for seconds may be closed.
  for (let count = 0; count < 40; count++) now.push(await read({ primary: count % 2 === 0 }))
  const stayed = now.filter(({ id }) => id !== 'c0-pg-1')
  assert.deepEqual([...new Set(stayed.map(({ id }) => id))].toSorted(), ['c0-pg-2', 'c0-pg-3'])
  for (const { id, began } of stayed) assert.ok(began < startedAt, `a new session with ${id}`)
})

test('a write on a silent primary goes on at the new one, without waiting for its deadline', async (t) => {
  const all = await unkept(t)
  const { client, cluster } = all
  assert.equal(await writing(client), 'c0-pg-1')
  signalMember(cluster, 'c0-pg-1', 'SIGSTOP')
  const startedAt = systemClock.monotonic()
  const stuck = writing(client)
  await waitFor(all, 'c0-pg-2', '', 'select pg_promote()')
  await client.lookAgain('c0')
  assert.equal(await stuck, 'c0-pg-2')
  assert.ok(systemClock.monotonic() - startedAt < 5_000)
})

test('a member of another database system is not used, and that is said', async (t) => {
  const { connection, drop } = await testDatabase()
  t.after(drop)
  const all = await replicated(t, { ownSystem: true })
  const { log, lines } = logged()
  const [{ members = [], ...rest }] = all.members() as [ReturnType<Replicated['members']>[number]]
  const strange = { id: 'strange', connection }
  const client = await all.another({ log, clusters: [{ ...rest, members: [...members, strange] }] })
  await settled(client, 'c0-pg-1', ['c0-pg-2', 'c0-pg-3'])
  for (let round = 0; round < 10; round++) assert.equal(await writing(client), 'c0-pg-1')
  await client.lookAgain('c0')
  assert.match(lines.join('\n'), /"member":"strange"} a member belongs to another database system/)
})

test('a role that may not see who is synchronous writes to the primary, reads there, and is told', async (t) => {
  const all = await replicated(t)
  await sql(connectionOf(all, 'c0-pg-1'), `create role plain login password 'plain'`)
  const members = all.members()[0]!.members!.map(({ id, connection }) => ({
    id,
    connection: { ...connection, user: 'plain', password: 'plain' },
  }))
  const { log, lines } = logged()
  const parts = { connectionsMax: 2, clock: systemClock, statements: new Statements(), log }
  const cluster = new Cluster({ name: 'c0', connection: members[0]!.connection, members }, parts)
  t.after(() => cluster.close())
  assert.equal((await cluster.primary(10_000)).id, 'c0-pg-1')
  await cluster.lookAgain()
  assert.deepEqual([cluster.replicas, cluster.roles.untold], [[], true])
  assert.match(lines.join('\n'), /grant it pg_monitor/)
  await sql(connectionOf(all, 'c0-pg-1'), 'grant pg_monitor to plain')
  while (cluster.replicas.length < 2) await cluster.lookAgain()
})

test('members come and go while it runs', async (t) => {
  const all = await replicated(t)
  const [{ members = [], name }] = all.members() as [ReturnType<Replicated['members']>[number]]
  const [first, ...others] = members as [(typeof members)[number], ...typeof members]
  const client = await all.another({ clusters: [{ name, connection: first.connection }] })
  let over = false
  const running = (async () => {
    let count = 0
    for (const own = all.session(client); !over; count++) {
      await writing(client)
      await answering(own)
    }
    return count
  })()
  // Until each of these has answered.
  const answeredBy = async (...ids: readonly string[]): Promise<void> => {
    for (const open = new Set(ids); open.size > 0; )
      open.delete(await answersFrom(ids, client, all.session(client)))
  }
  for (let round = 0; round < 3; round++) {
    await answeredBy(first.id)
    client.setMembers(name, members)
    await settled(client, first.id, ['c0-pg-2', 'c0-pg-3'])
    await answeredBy('c0-pg-2', 'c0-pg-3')
    client.setMembers(name, [others[0]!, first])
    await settled(client, first.id, ['c0-pg-2'])
    await answeredBy('c0-pg-2')
    client.setMembers(name, [first])
  }
  over = true
  assert.ok((await running) > 0)
})

test('upkeep sessions and what prepares follow the primary; so does the lease for 64-bit ids', async (t) => {
  const all = await replicated(t)
  const [cluster] = all.clusters as [TestCluster]
  const { client } = all
  const sessions = upkeepSessions(all.members(), (ms, run) => systemClock.timer(ms, run), client)
  const upkeep = sessions.open('c0', 'test')
  const where = async (): Promise<string> =>
    idOf((await upkeep.run([{ sql: DIRECTORY }]))[0]![0]!.dir as string)
  t.after(() => upkeep.close())
  assert.equal(await where(), 'c0-pg-1')
  const drawn = client.snowflakes.next()
  signalMember(cluster, 'c0-pg-1', 'SIGSTOP')
  // Asked of one that is silent; it ends when another is the primary, not after its own 12 s.
  const stuck = where().catch((error: unknown) => {
    assert.ok(upkeep.isTransient(error))
    return 'lost'
  })
  const { primary } = await cluster.until('another is primary', (now) => now.primary !== 'c0-pg-1')
  assert.equal(await stuck, 'lost')
  // Nothing is sent twice by itself: who asks tries again.
  let found = 'lost'
  while (found === 'lost') found = await where().catch(() => 'lost')
  assert.equal(found, primary)
  assert.deepEqual(await findPrimary(all.members()[0]!, { log: silentLogger }), connectionOf(all, primary))
  await prepareData({ clusters: all.members(), placing: PLACING, log: silentLogger })
  await (await all.another()).stop()
  assert.ok(BigInt(client.snowflakes.next()) > BigInt(drawn))
})

test('only so many wait for a primary, and each is told what is known', async (t) => {
  const dead = (id: string) => ({
    id,
    connection: { host: '127.0.0.1', port: 1, user: 'x', database: 'x' },
  })
  const members = [dead('a'), dead('b')]
  const parts = { connectionsMax: 2, clock: systemClock, statements: new Statements(), log: silentLogger }
  const cluster = new Cluster({ name: 'c0', connection: members[0]!.connection, members }, parts)
  t.after(() => cluster.close())
  const waiting = Array.from({ length: WAITING_MAX }, () => cluster.primary(1_000))
  await assert.rejects(cluster.primary(1_000), {
    code: 'TENFOLD_DATA_UNAVAILABLE',
    outcome: 'not applied',
    message: /2000 calls wait for a primary already/,
  })
  const ends = await Promise.allSettled(waiting)
  for (const end of ends)
    assert.match(
      String((end as PromiseRejectedResult).reason),
      /No primary for 1000 ms: a: .*ECONNREFUSED.*; b: /,
    )
})

test('a search for a primary that is given up while nobody answers ends with the reason', async (t) => {
  const silent = createServer(() => {})
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
  t.after(() => silent.close())
  const { port } = silent.address() as { port: number }
  const member = (id: string) => ({
    id,
    connection: { host: '127.0.0.1', port, user: 'x', database: 'x' },
  })
  const giving = new AbortController()
  const { signal } = giving
  const members = [member('a'), member('b')]
  const search = findPrimary(
    { name: 'c0', connection: members[0]!.connection, members },
    { log: silentLogger, signal },
  )
  giving.abort(new Error('given up'))
  await assert.rejects(search, /given up/)
})
