import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ConnectionOptions } from '../../src/data/client/types.ts'
import { jobsApp } from '../jobs/app.ts'
import { alternate } from '../kit/alternate.ts'
import { cpuSince, markCpu } from '../kit/cpu.ts'
import { type BenchSystem, withPostgres, withRuntime } from '../kit/embedded.ts'
import { withFolder } from '../kit/lightbox.ts'
import { describeMachine, type Machine } from '../kit/machine.ts'
import { readOptions } from '../kit/options.ts'
import { launch } from '../kit/processes.ts'
import { finish, interval, type Row } from '../kit/report.ts'
import { estimate, ratios } from '../kit/stats.ts'
import { nextPost } from '../write/insert.ts'

const COMMITS_PER_SECOND = 1_000
const STEP_MS = 5
const WARM_MS = 1_000
const IDLE_MS = 2_000
const SQL = 'insert into posts (author_id, id, text) values ($1, $2, $3)'

/** Microseconds for each commit; idle: of one second. */
interface Sample {
  readonly web: number
  readonly relay: number
  readonly postgres: number
  readonly webIdle: number
  readonly relayIdle: number
}

const { rounds, seconds, save } = readOptions({ seconds: 4 })
const app = jobsApp(() => {})
let machine: Machine | undefined
let samples = new Map<string, Sample[]>()

await withPostgres({}, async (connection, { version, pid }) => {
  machine = describeMachine(version)
  samples = await alternate(
    [
      { name: 'in the process', sample: () => inProcess(connection, pid) },
      { name: 'elsewhere', sample: () => elsewhere(connection, pid) },
    ],
    rounds,
  )
})

function inProcess(connection: ConnectionOptions, postgres: number): Promise<Sample> {
  return withRuntime(connection, (system) => measure(system, postgres), app.definition, { runJobs: false })
}

function elsewhere(connection: ConnectionOptions, postgres: number): Promise<Sample> {
  return withFolder(async (folder) => {
    const socketPath = join(folder, 'relay')
    const args = ['--conditions=tenfold-source', join(import.meta.dirname, 'node.ts')]
    const command = { command: process.execPath, args: [...args, JSON.stringify({ connection, socketPath })] }
    const relay = await launch(command)
    const options = { runJobs: false, relay: { addresses: [{ socketPath }] } }
    try {
      return await withRuntime(
        connection,
        (system) => measure(system, postgres, relay.pid),
        app.definition,
        options,
      )
    } finally {
      await relay.stop()
    }
  })
}

/** `relay`: its process, if it has one. */
async function measure(system: BenchSystem, postgres: number, relay?: number): Promise<Sample> {
  await commit(system, WARM_MS)
  await sleep(STEP_MS * 20)
  const marks = [process.pid, relay ?? process.pid, postgres].map((pid) => markCpu(pid))
  const ownChildren = (): number => (relay === undefined ? 0 : cpuSince(marks[1]!, relay))
  const cpu = process.cpuUsage()
  const commits = await commit(system, seconds * 1_000)
  const used = process.cpuUsage(cpu)
  const [relayUs, postgresUs] = [ownChildren(), cpuSince(marks[2]!, postgres)]
  await sleep(IDLE_MS)
  const idleCpu = process.cpuUsage()
  const idleRelay = relay === undefined ? undefined : markCpu(relay)
  await sleep(IDLE_MS)
  const idle = process.cpuUsage(idleCpu)
  return {
    web: (used.user + used.system) / commits,
    relay: relayUs / commits,
    postgres: postgresUs / commits,
    webIdle: ((idle.user + idle.system) * 1_000) / IDLE_MS,
    relayIdle: idleRelay && relay !== undefined ? (cpuSince(idleRelay, relay) * 1_000) / IDLE_MS : 0,
  }
}

/** So many a second, each with two invalidations. @returns how many */
async function commit(system: BenchSystem, ms: number): Promise<number> {
  const startedAt = performance.now()
  const running = new Set<Promise<unknown>>()
  let begun = 0
  for (let now = startedAt; now - startedAt < ms; now = performance.now()) {
    for (const due = ((now - startedAt) * COMMITS_PER_SECOND) / 1_000; begun < due; begun++) {
      const { author, id, text } = nextPost()
      const one = system.shard.user(author).write('publish', async (tx) => {
        await tx.query(SQL, [author, id, text])
        tx.invalidate(app.keys.card(author), app.keys.posts(author))
      })
      running.add(one)
      void one.finally(() => running.delete(one))
    }
    await sleep(STEP_MS)
  }
  await Promise.all(running)
  return begun
}

const NAMES: Readonly<Record<keyof Sample, string>> = {
  web: 'CPU of the web process, a commit',
  relay: 'CPU of the relay process, a commit',
  postgres: 'CPU of PostgreSQL, a commit',
  webIdle: 'CPU of the idle web process, a second',
  relayIdle: 'CPU of the idle relay process, a second',
}
const figures = Object.keys(NAMES) as (keyof Sample)[]
const of = (name: string, figure: keyof Sample): number[] =>
  (samples.get(name) ?? []).map((sample) => sample[figure])
const table: Row[] = [
  ...[...samples.keys()].flatMap((name) =>
    figures.map((figure) => ({
      figure: `relay ${name}: ${NAMES[figure]}`,
      value: `${interval(estimate(of(name, figure)), 0)} µs`,
    })),
  ),
  {
    figure: 'web process, relay elsewhere as a ratio to one in the process',
    value: interval(estimate(ratios(of('elsewhere', 'web'), of('in the process', 'web')))),
  },
]
const how = `${rounds} alternations of ${seconds} s at ${COMMITS_PER_SECOND} commits a second with two invalidations each; one web process, one embedded PostgreSQL`
finish(
  {
    topic: 'The relay in a process of its own',
    machine: machine!,
    rounds,
    how,
    rows: table,
    samples: Object.fromEntries(samples),
  },
  save ? import.meta.dirname : undefined,
)
