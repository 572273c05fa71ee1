import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import pg from 'pg'
import { systemClock } from '../../core/clock.ts'
import { detachedContext } from '../../core/context.ts'
import { silentLogger } from '../../core/log.ts'
import { formatLsn, parseLsn } from '../../core/lsn.ts'
import { seenOfJob } from '../../core/seen-record.ts'
import { clusterOf } from '../shards/directory.ts'
import { FALLBACKS_MAX } from './copies.ts'
import type { DataClient } from './data-client.ts'
import { newRequestId } from './fixtures/fixture.ts'
import { type Replicated, replicated, signalMember, TestSession } from './fixtures/replicated.ts'

const LONG = process.env.TENFOLD_TEST_LONG === '1'

/** One user, whose visits are counted up. */
const USER = 7

const visit = (session: TestSession): Promise<number> =>
  session.request((client) =>
    client.writeAt(client.target('user', USER), 'visit', async (tx) => {
      const [row] = await tx.query<{ visits: number }>(
        `insert into users (id, name, visits) values ($1, 'x', 1)
         on conflict (id) do update set visits = users.visits + 1 returning visits`,
        [USER],
      )
      return row!.visits
    }),
  )

async function visitsOf(client: DataClient): Promise<number> {
  const [row] = await ask<{ visits: number }>(client, `select visits from users where id = ${USER}`)
  return row?.visits ?? 0
}

const ask = <Row>(client: DataClient, sql: string, options = {}): Promise<Row[]> =>
  client.readAt<never, Row[]>(client.target('user', USER).placement, (db) => db.query(sql), options)

/** Which member answers. */
async function answering(client: DataClient, options = {}): Promise<string> {
  const sql = `select current_setting('data_directory') as dir`
  const [row] = await ask<{ dir: string }>(client, sql, options)
  return row!.dir.split('/').at(-1)!
}

for (const count of LONG ? [1, 2] : [2]) {
  describe(`what a session sees, on ${count} cluster(s)`, () => {
    test('with replicas that are not alike', async (t) => {
      const all = await replicated(t, { clusters: count })
      const bench = new Bench(all)
      await bench.begin()
      for (const [name, work] of Object.entries(CASES)) await t.test(name, (t) => work(bench, t))
    })
  })
}

/** The clusters of a test, and the one on which the user lies. */
class Bench {
  readonly all: Replicated
  readonly cluster
  readonly client: DataClient
  constructor(all: Replicated) {
    this.all = all
    this.client = all.client
    const { placement } = all.client.target('user', USER)
    const at = all.client.clusterNames.indexOf(clusterOf(all.client.directory, placement))
    this.cluster = all.clusters[at]!
  }

  get name(): string {
    return this.cluster.options.name
  }

  get metrics() {
    return this.client.cluster(this.name).metrics
  }

  get replicas(): string[] {
    const { members } = this.cluster.keeper.topology()
    return members.flatMap(({ id, role }) => (role === 'replica' ? [id] : []))
  }

  async begin(): Promise<void> {
    await visit(this.all.session())
    await this.usable(2)
  }

  /** Until so many replicas may answer, for all the client knows. */
  async usable(count: number): Promise<void> {
    while (this.client.cluster(this.name).replicas.length !== count) await this.client.lookAgain(this.name)
  }

  async on(ids: readonly string[], sql: string): Promise<void> {
    for (const id of ids) {
      const one = new pg.Client(this.cluster.connections('app').get(id)!)
      await one.connect()
      // A replica that has much to catch up may end this for the sake of replay.
      while ((await one.query(sql).catch(({ code }) => code)) === '40001');
      await one.end()
    }
  }

  /** Until some of these have rows to give. */
  async until(ids: readonly string[], sql: string): Promise<void> {
    const all = ids.map((id) => new pg.Client(this.cluster.connections('app').get(id)!))
    await Promise.all(all.map((one) => one.connect()))
    for (let found = false; !found; )
      for (const one of all) found ||= ((await one.query(sql)).rowCount ?? 0) > 0
    await Promise.all(all.map((one) => one.end()))
  }

  /** Runs `work` while these do not replay. */
  async paused<R>(ids: readonly string[], work: () => Promise<R>): Promise<R> {
    await this.on(ids, 'select pg_wal_replay_pause()')
    try {
      return await work()
    } finally {
      await this.on(ids, 'select pg_wal_replay_resume()')
    }
  }
}

const CASES: Record<string, (bench: Bench, t: TestContext) => Promise<void>> = {
  'case 19: successive reads never go back, though a replica is behind': async (bench) => {
    const [writer, reader] = [bench.all.session(), bench.all.session()]
    await bench.paused(bench.replicas.slice(0, 1), async () => {
      let last = 0
      for (let round = 0; round < 20; round++) {
        await visit(writer)
        const values = [await reader.request(visitsOf), await reader.request(visitsOf)]
        for (const value of values) {
          assert.ok(value >= last, `from ${last} to ${value}`)
          last = value
        }
      }
    })
  },
  'case 19: nor do the reads of one request': async (bench) => {
    const writer = bench.all.session()
    await bench.paused(bench.replicas.slice(0, 1), async () => {
      await visit(writer)
      for (let round = 0; round < 10; round++)
        await bench.all.session().request(async (client) => {
          const values = [await visitsOf(client), await visitsOf(client), await visitsOf(client)]
          assert.deepEqual(
            values,
            values.toSorted((a, b) => a - b),
          )
        })
    })
  },
  'cases 14, 17: no replica replays: the primary shows what the session wrote, after at most 20 ms': async (
    bench,
  ) => {
    const session = bench.all.session()
    await bench.paused(bench.replicas, async () => {
      const { primary } = bench.metrics
      const before = primary.value
      const written = await visit(session)
      assert.equal(await session.request(visitsOf), written)
      assert.equal(await session.request((client) => visitsIn(client)), written)
      assert.equal(primary.value, before + 2)
    })
  },
  'case 17: an error says that there was no place on the primary': async (bench) => {
    const session = bench.all.session()
    const { admission } = bench.client.cluster(bench.name).copies
    await bench.paused(bench.replicas, async () => {
      await visit(session)
      for (let taken = 0; taken < FALLBACKS_MAX; taken++) await admission.enter(0)
      await assert.rejects(
        session.request((client) => ask(client, 'select 1', { deadlineMs: 100 })),
        /all 64 places on the primary .* were taken \(all replicas are behind\)/,
      )
      for (let taken = 0; taken < FALLBACKS_MAX; taken++) admission.leave()
      await session.request(visitsOf)
    })
  },
  'case 17: of many readers no more than so many are on the primary at once, and all are answered': async (
    bench,
  ) => {
    const writer = bench.all.session()
    const { admission } = bench.client.cluster(bench.name).copies
    const [enter, leave] = [admission.enter.bind(admission), admission.leave.bind(admission)]
    let [there, most] = [0, 0]
    admission.enter = async (waitMs) => {
      const entered = await enter(waitMs)
      if (entered) most = Math.max(most, ++there)
      return entered
    }
    admission.leave = () => {
      there--
      leave()
    }
    await bench.paused(bench.replicas, async () => {
      const written = await visit(writer)
      const readers = Array.from(
        { length: 5 * FALLBACKS_MAX },
        () => new TestSession([bench.client], bench.all.storage, writer.token),
      )
      const values = await Promise.all(readers.map((reader) => reader.request(visitsOf)))
      assert.deepEqual(new Set(values), new Set([written]))
    })
    Object.assign(admission, { enter, leave })
    assert.equal(most, FALLBACKS_MAX)
    assert.equal(there, 0)
  },
  'case 16: a token from the future is answered by the primary, and forgotten': async (bench) => {
    const session = bench.all.session()
    await session.request(visitsOf)
    const { timeline } = session.seen.clusters.get(bench.name)!
    session.token = `1~${bench.name}:${timeline}:FFFF/0:FFFF/0`
    const startedAt = systemClock.monotonic()
    assert.match(await session.request(answering), nameOf(bench.cluster.keeper.topology().primary))
    assert.ok(systemClock.monotonic() - startedAt < 1_000)
    assert.ok(session.seen.clusters.get(bench.name)!.read < 0xffff00000000n)
    // From now on it is a session like any other.
    const { value } = bench.metrics.replica
    await session.request(visitsOf)
    assert.equal(bench.metrics.replica.value, value + 1)
  },
  'case 16: a token of a timeline that nobody has is answered by the primary, until a write replaces it':
    async (bench) => {
      const session = bench.all.session()
      session.token = `1~${bench.name}:99:0/1:0/1~c77:1:0/1:0/1`
      const startedAt = systemClock.monotonic()
      for (let round = 0; round < 5; round++)
        assert.match(await session.request(answering), nameOf(bench.cluster.keeper.topology().primary))
      assert.ok(systemClock.monotonic() - startedAt < 2_000)
      await visit(session)
      assert.equal(session.seen.clusters.get(bench.name)!.timeline, 1)
    },
  'a token does not lie beyond what is on the disk of the primary': async (bench) => {
    const session = bench.all.session()
    const { primary } = bench.cluster.keeper.topology()
    const other = new pg.Client(bench.cluster.connections('app').get(primary)!)
    const looking = new pg.Client(bench.cluster.connections('app').get(primary)!)
    await Promise.all([other.connect(), looking.connect()])
    await other.query('begin')
    // Fills the log without having it written.
    let over = false
    const filling = (async () => {
      while (!over) await other.query(`select pg_logical_emit_message(true, 'x', repeat('x', 1000))`)
    })()
    for (let round = 0; round < 100; round++) {
      await visit(session)
      const { wrote } = session.seen.clusters.get(bench.name)!
      const { rows } = await looking.query('select pg_current_wal_flush_lsn() as flushed')
      assert.ok(wrote <= parseLsn(rows[0].flushed))
    }
    await looking.end()
    over = true
    await filling
    await other.query('rollback')
    await other.end()
  },
  'a replica that is far behind answers nobody, not even who has seen nothing': async (bench) => {
    const writer = bench.all.session()
    await bench.paused(bench.replicas.slice(0, 1), async () => {
      const written = await visit(writer)
      const { wrote } = writer.seen.clusters.get(bench.name)!
      const cluster = bench.client.cluster(bench.name)
      const startedAt = systemClock.monotonic()
      while (cluster.base!.lsn < wrote) await bench.client.lookAgain(bench.name)
      assert.ok(systemClock.monotonic() - startedAt < 1_500)
      for (let round = 0; round < 20; round++)
        assert.equal(await bench.all.session().request(visitsOf), written)
    })
  },
  'case 18: a job sees what the write that enqueued it wrote': async (bench) => {
    const session = bench.all.session()
    await bench.paused(bench.replicas.slice(0, 1), async () => {
      for (let round = 0; round < 10; round++) {
        const written = await visit(session)
        const directory = { clusters: bench.client.clusterNames, directoryEpoch: 1 }
        const seen = seenOfJob(directory, session.token)
        const context = { ...detachedContext(newRequestId(), silentLogger), seen, jobId: newRequestId() }
        assert.equal(await bench.all.storage.run(context, () => visitsOf(bench.client)), written)
      }
    })
  },
  'what has no session, and what decides, is read on the primary': async (bench) => {
    const primary = nameOf(bench.cluster.keeper.topology().primary)
    assert.match(await answering(bench.client), primary)
    assert.match(await bench.all.session().request((client) => answering(client, { primary: true })), primary)
    await bench.client.writeAt(bench.client.target('user', USER), 'inside', async () => {
      assert.match(await answering(bench.client), primary)
    })
  },
  'a snapshot holds one replica that has what the session wrote': async (bench) => {
    const session = bench.all.session()
    await bench.paused(bench.replicas.slice(0, 1), async () => {
      for (let round = 0; round < 5; round++) {
        const written = await visit(session)
        const seen = await session.request((client) => visitsIn(client))
        assert.equal(seen, written)
      }
    })
    assert.doesNotMatch(
      await session.request((client) => answering(client, { snapshot: true })),
      nameOf(bench.cluster.keeper.topology().primary),
    )
  },
  'an error of the application ends a snapshot on a replica, and is its own': async (bench) => {
    const work = () => Promise.reject(new Error('mine'))
    const { placement } = bench.client.target('user', USER)
    await assert.rejects(
      bench.all.session().request((client) => client.readAt(placement, work, { snapshot: true })),
      /^Error: mine$/,
    )
  },
  "a replica's error is not the reader's": async (bench) => {
    const session = bench.all.session()
    for (const options of [{}, { snapshot: true }]) {
      const work = (client: DataClient) =>
        ask(client, 'select pg_current_wal_flush_lsn() is not null as ok', options)
      assert.deepEqual(await session.request(work), [{ ok: true }])
      await assert.rejects(
        session.request((client) => ask(client, 'select 1/0', options)),
        { code: '22012' },
      )
    }
  },
  'a read that is in the way of replay ends on another node': async (bench) => {
    const session = bench.all.session()
    const { value } = bench.metrics.primary
    let isOver = false
    const sql = 'select count(*)::int as n, (select pg_sleep(20) where pg_is_in_recovery()) from users'
    const running = session
      .request((client) => ask<{ n: number }>(client, sql))
      .finally(() => {
        isOver = true
      })
    await bench.until(
      bench.replicas,
      `select from pg_stat_activity where query like '%pg_sleep(20)%' and state = 'active'
      and pid <> pg_backend_pid()`,
    )
    // Rows that it may still see go, as soon as nobody needs them on the primary; and replay does not wait for it for long.
    const primary = [bench.cluster.keeper.topology().primary]
    while (!isOver) {
      await visit(bench.all.session())
      await bench.on(primary, 'vacuum (freeze) users')
    }
    const [row] = await running
    assert.equal(row?.n, 1)
    assert.equal(bench.metrics.primary.value, value + 1)
  },
  'a replica that is stopped is left after 100 ms, and used again when it answers': async (bench, t) => {
    const [stopped] = bench.replicas as [string]
    const { value } = bench.metrics.hedges
    // Both are known to have all there is, so that either may be asked.
    const { replicas } = bench.client.cluster(bench.name)
    const { lsn } = await bench.client.positionOf(bench.name)
    while (replicas.some(({ known }) => (known?.lsn ?? 0n) < lsn)) await bench.all.session().request(visitsOf)
    signalMember(bench.cluster, stopped, 'SIGSTOP')
    let longestMs = 0
    try {
      for (let round = 0; round < 20; round++)
        for (const options of [{}, { snapshot: true }]) {
          const startedAt = systemClock.monotonic()
          // Without a token either replica will do.
          await bench.all.session().request((client) => ask(client, `select ${round}`, options))
          longestMs = Math.max(longestMs, systemClock.monotonic() - startedAt)
        }
    } finally {
      signalMember(bench.cluster, stopped, 'SIGCONT')
    }
    t.diagnostic(`the longest read took ${Math.round(longestMs)} ms`)
    assert.ok(longestMs < 400)
    assert.ok(bench.metrics.hedges.value > value)
    await bench.usable(2)
  },
  'cases 9, 15: a token of a lost timeline is answered by the primary, and replaced': async (bench) => {
    const session = bench.all.session()
    const written = await visit(session)
    const before = session.token
    const lost = bench.cluster.keeper.topology().primary
    signalMember(bench.cluster, lost, 'SIGKILL')
    const { primary } = await bench.cluster.until('another is primary', (now) => now.primary !== lost)
    // As if it had seen more than what survived.
    const { lsn, timeline } = await bench.client.positionOf(bench.name)
    assert.equal(timeline, 2)
    session.token = `1~${bench.name}:1:${formatLsn(lsn + 0x10000n)}:0/0`
    assert.match(await session.request(answering), nameOf(primary))
    assert.equal(session.seen.clusters.get(bench.name)!.timeline, 2)
    session.token = before
    assert.equal(await session.request(visitsOf), written)
    assert.equal(session.seen.clusters.get(bench.name)!.timeline, 2)
    await bench.cluster.whole()
    await bench.usable(2)
    assert.doesNotMatch(await session.request(answering), nameOf(primary))
  },
}

async function visitsIn(client: DataClient): Promise<number> {
  const sql = `select visits from users where id = ${USER}`
  const [row] = await ask<{ visits: number }>(client, sql, { snapshot: true })
  return row!.visits
}

/** The first node's folder has the cluster's name. */
const nameOf = (id: string): RegExp => new RegExp(`^${id}$|^${id.endsWith('-pg-1') ? id.slice(0, 2) : id}$`)
