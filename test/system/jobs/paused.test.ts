import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { silentLogger } from '../../../src/core/log.ts'
import type { ClusterOptions } from '../../../src/data/client/types.ts'
import { prepareData } from '../../../src/data/prepare.ts'
import { gate } from '../../../src/jobs/fixtures/gate.ts'
import { testDatabase } from '../../../src/testing/postgres.ts'
import { admin } from '../kit/databases.ts'
import { until, within } from '../kit/deadline.ts'
import { LONG } from '../kit/seed.ts'
import { late, MOMENTS, type Moment, otherOf } from './paused/late.ts'
import { startNode } from './paused/node.ts'
import { type Sleeper, startSleeper } from './paused/process.ts'

/** What the one who is stopped may hold without a word: long enough that it is stopped before. Milliseconds. */
const LEASE_MS = 2_000
const JOBS = 'select id, state, attempt from tenfold.job_states'
const LOST = 'TENFOLD_JOB_LEASE_LOST'
/** Whether the one who wakes up looks at its leases soon, or goes on as if nothing had happened. Milliseconds. */
const HEARTBEATS = { 'looks at its leases': 100, 'suspects nothing': 60_000 }

interface Case {
  readonly clusters: readonly ClusterOptions[]
  readonly sql: <Row>(text: string) => Promise<Row[]>
  readonly sleeper: Sleeper
  readonly owner: string
  readonly moment: Moment
}

async function databases(t: TestContext, count: number): Promise<Pick<Case, 'clusters' | 'sql'>> {
  const made = await Promise.all(Array.from({ length: count }, () => testDatabase({ durable: true })))
  const clusters = made.map(({ connection }, at) => ({ name: `c${at}`, connection }))
  const clients = await Promise.all(clusters.map(({ connection }) => admin(t, connection)))
  t.after(() => Promise.all(made.map(({ drop }) => drop())))
  const { app } = late({ meet: async () => {}, told: () => {} })
  const { migrations } = app.options
  await prepareData({ clusters, placing: app.placing, migrations, log: silentLogger })
  const sql = async <Row>(text: string): Promise<Row[]> =>
    (await Promise.all(clients.map((client) => client.query(text)))).flatMap(({ rows }) => rows as Row[])
  return { clusters, sql }
}

/** A run is stopped; another node takes its job over; then the first is thawed and does what it had still to do. */
async function overtaken({ clusters, sql, sleeper, owner, moment }: Case): Promise<void> {
  sleeper.order({ enqueue: { owner, moment } })
  await sleeper.line('met', `"owner":"${owner}"`)
  sleeper.signal('SIGSTOP')
  const [second, go] = [gate(), gate()]
  const other = await startNode(
    { clusters, times: { poll: 20 } },
    {
      meet: async (_owner, attempt) => {
        assert.equal(attempt, 2)
        second.open()
        await go
      },
      told: () => {},
      warned: () => {},
    },
  )
  try {
    await within(second, 'the run of the other node')
    const jobs = () => sql<{ id: string; state: string; attempt: number }>(JOBS)
    const held = await jobs()
    assert.deepEqual(
      held.map(({ state, attempt }) => [state, attempt]),
      [['running', 2]],
    )
    if (moment === 'in job.write') {
      // The transaction of the one who sleeps is still open: the write of the other has to wait for it.
      go.open()
      const waiting = `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
      await until('a write that waits', async () => ((await sql(waiting)).length > 0 ? true : undefined))
    }
    sleeper.signal('SIGCONT')
    sleeper.order({ go: owner })
    const { how } = await sleeper.line('told')
    const writes = moment !== 'before its end' && moment !== 'before its failure'
    if (writes) assert.equal(how, LOST)
    // In the words of whoever found out first: its heartbeat, its write or its report.
    const { message } = await sleeper.line('warned', LOST, held[0]!.id)
    assert.match(message, writes ? /was taken over/ : /ended late|was taken over/)
    if (moment !== 'in job.write') assert.deepEqual(await jobs(), held)
    go.open()
    await until('the end of the job', async () => ((await jobs()).length === 0 ? true : undefined))
  } finally {
    go.open()
    await other.stop()
  }
}

describe('a worker is stopped past its lease by SIGSTOP, and thawed (FAULTS case 28)', {
  concurrency: true,
}, () => {
  for (const count of LONG ? [1, 2] : [2])
    for (const [what, heartbeat] of Object.entries(HEARTBEATS))
      test(`it ends, fails and writes nothing; it ${what}; on ${count}`, async (t) => {
        const { clusters, sql } = await databases(t, count)
        const times = { lease: LEASE_MS, heartbeat, poll: 20 }
        const sleeper = await startSleeper(t, { clusters, times })
        for (const [at, moment] of MOMENTS.entries())
          await overtaken({ clusters, sql, sleeper, owner: String(at + 1), moment })
        const counters = await sql<{ owner: string; name: string; value: number }>(
          'select owner::text, name, value from counters',
        )
        const owners = MOMENTS.map((_, at) => String(at + 1))
        const other = otherOf(String(MOMENTS.indexOf('before another write') + 1))
        assert.deepEqual(
          counters.map(({ owner, name, value }) => `${owner} ${name}: ${value}`).sort(),
          [...owners.map((owner) => `${owner} own 2: 1`), `${other} other: 1`].sort(),
        )
      })
})
