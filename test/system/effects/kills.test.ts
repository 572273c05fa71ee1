import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import pg from 'pg'
import { systemClock } from '../../../src/core/clock.ts'
import { silentLogger } from '../../../src/core/log.ts'
import type { ClusterOptions } from '../../../src/data/client/types.ts'
import { upkeepSessions } from '../../../src/data/client/upkeep-session.ts'
import { connectionTo } from '../../../src/data/postgres/address.ts'
import { createDatabase } from '../../../src/data/postgres/database.ts'
import type { PostgresServer } from '../../../src/data/postgres/index.ts'
import { prepareData } from '../../../src/data/prepare.ts'
import { createEffects, type EffectsService } from '../../../src/effects/index.ts'
import { createMetrics } from '../../../src/telemetry/metrics.ts'
import { until, within } from '../kit/deadline.ts'
import { chooseSeed, Dice, LONG } from '../kit/seed.ts'
import { type Scratch, scratch } from '../postgres/kit.ts'
import { type CheckedFollower, PositionChecker } from './positions.ts'
import { write } from './writers.ts'

const COMMITS = LONG ? 2_000 : 150
const ROUNDS = LONG ? 60 : 8
const WRITERS = 3

/** Relays, each of a process of its own, on a server that may be killed. */
interface Stage {
  server: PostgresServer
  readonly clusters: readonly ClusterOptions[]
  readonly processes: Process[]
}

interface Process {
  readonly effects: EffectsService
  readonly follower: CheckedFollower
}

async function startStage(place: Scratch, count: number): Promise<Stage> {
  const server = place.server()
  await server.start()
  const clusters = Array.from({ length: count }, (_, at) => ({
    name: `c${at}`,
    connection: connectionTo(server, `effects_c${at}`),
  }))
  for (const { connection } of clusters) await createDatabase(server, connection.database)
  await prepareData({ clusters, placing: { keys: {}, global: [] }, log: silentLogger })
  return { server, clusters, processes: [] }
}

async function startProcess(stage: Stage, checker: PositionChecker): Promise<void> {
  const follower = checker.follower(`process ${checker.step()}`)
  const effects = createEffects({
    sessions: upkeepSessions(stage.clusters, systemClock.timer),
    followers: [follower],
    clock: systemClock,
    log: silentLogger,
    metrics: createMetrics({ processMetrics: false }),
  })
  stage.processes.push({ effects, follower })
  await effects.start()
}

const FAULTS: Readonly<
  Record<string, (stage: Stage, place: Scratch, checker: PositionChecker) => Promise<void>>
> = {
  'kill PostgreSQL': async (stage, place) => {
    process.kill(stage.server.pid as number, 'SIGKILL')
    await stage.server.exited
    await stage.server.stop()
    stage.server = place.server()
    await stage.server.start()
  },
  "end the relays' sessions": async ({ clusters }) => {
    for (const { connection } of clusters) {
      const client = new pg.Client(connection)
      await client.connect()
      await client.query(`select pg_terminate_backend(pid) from pg_locks
        where locktype = 'advisory' and objid = 1000001 and classid = 1413893188`)
      await client.end()
    }
  },
  'end the older process': async (stage, _, checker) => {
    const [oldest] = stage.processes.splice(0, 1) as [Process]
    await oldest.effects.stop()
    checker.dismiss(oldest.follower)
    await startProcess(stage, checker)
  },
}

/** Some process leads for this cluster, and its position passes whatever is committed now. */
async function advances({ processes }: Stage, cluster: string): Promise<void> {
  const start = new Map(processes.map(({ follower }) => [follower, follower.position(cluster)]))
  await until(`the position of ${cluster} moves`, () => {
    for (const { follower, effects } of processes) {
      const [before, now] = [start.get(follower), follower.position(cluster)]
      effects.demand.demand(cluster, before?.lsn ?? 0n)
      if (now && (!before || now.lsn > before.lsn)) return true
    }
    return undefined
  })
}

async function run(t: TestContext, count: number): Promise<void> {
  const seed = chooseSeed()
  t.diagnostic(`TENFOLD_SEED=${seed}`)
  const dice = new Dice(seed)
  const place = scratch(t)
  const stage = await startStage(place, count)
  const checker = new PositionChecker()
  const over = new AbortController()
  t.after(async () => {
    over.abort()
    await Promise.all(stage.processes.map(({ effects }) => effects.stop()))
  })
  for (let at = 0; at < 2; at++) await startProcess(stage, checker)
  const writers = stage.clusters.flatMap((cluster) =>
    Array.from({ length: WRITERS }, (_, at) => {
      const local = () => stage.processes[at]?.effects.local // the last one is of a process elsewhere
      return write({ cluster, checker, local, signal: over.signal })
    }),
  )
  for (let round = 0; round < ROUNDS; round++) {
    await progressed(checker, 'commits')
    const fault = round < 3 ? Object.keys(FAULTS)[round] : dice.pick(Object.keys(FAULTS))
    await within(FAULTS[fault as string]?.(stage, place, checker) as Promise<void>, fault as string)
    for (const { name } of stage.clusters) await advances(stage, name)
  }
  await progressed(checker, 'the last commits')
  over.abort()
  await Promise.all(writers)
  for (const { name, connection } of stage.clusters) {
    await advances(stage, name)
    await emptied(connection)
  }
  t.diagnostic(`${checker.acknowledged} commits, ${checker.checked} checked against a position`)
  assert.deepEqual(checker.violations.slice(0, 10), [])
  assert.ok(checker.checked > checker.acknowledged / 2, `only ${checker.checked} were checked`)
}

/** So many commits have been acknowledged; a few of them at a time must not take long. */
async function progressed(checker: PositionChecker, what: string): Promise<void> {
  for (let left = COMMITS; left > 0; left -= 100) await within(checker.progress(Math.min(left, 100)), what)
}

async function emptied(connection: ClusterOptions['connection']): Promise<void> {
  const client = new pg.Client(connection)
  await client.connect()
  await until('all rows are deleted', async () => {
    const { rows } = await client.query('select count(*)::int as n from tenfold.effects')
    return rows[0].n === 0 || undefined
  })
  await client.end()
}

for (const clusters of LONG ? [1, 2] : [2])
  test(`no position is published too early, whoever is killed (${clusters} clusters; FAULTS 21, 26)`, (t) =>
    run(t, clusters))
