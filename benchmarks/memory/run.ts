import { setTimeout as sleep } from 'node:timers/promises'
import type { ConnectionOptions } from '../../src/data/client/types.ts'
import { withSession } from '../kit/embedded.ts'
import { databaseOf, startLightbox, withFolder } from '../kit/lightbox.ts'
import { describeMachine, type Machine } from '../kit/machine.ts'
import { aloneKib, type Memory, memoryOf } from '../kit/memory.ts'
import { readOptions } from '../kit/options.ts'
import { serverVersion } from '../kit/postgres-version.ts'
import { commandOf, tree } from '../kit/proc.ts'
import { finish, goalRow, interval, type Row } from '../kit/report.ts'
import { estimate } from '../kit/stats.ts'

const GOAL = { text: '≤ 180 MB', bound: 180, better: 'lower' } as const
/** After the seed's photos are painted: longer than their process and the trimming of heaps wait. */
const IDLE_SECONDS = 30
const POLL_MS = 250
const WARM_SECONDS = 10
const WARM_REQUESTS = 1000
const KIB_PER_MB = 1e6 / 1024

/** In MB. */
interface Sizes {
  /** Proportional set size by role of process. */
  readonly pss: Readonly<Record<string, number>>
  /** Of all together, if nothing else ran on the machine. */
  readonly alone: number
}
interface Sample {
  readonly idle: Sizes
  readonly warm: Sizes
}

const options = readOptions()
const samples: Sample[] = []
let machine: Machine | undefined

for (let round = 0; round < options.rounds; round++) {
  samples.push(await withFolder(once))
  process.stderr.write(`${round + 1}/${options.rounds} ${Math.round(samples.at(-1)!.idle.alone)} MB\n`)
}
const rows: Row[] = (['idle', 'warm'] as const).flatMap((state) => {
  const text =
    state === 'idle'
      ? `idle, ${IDLE_SECONDS} s after the last of the seed's jobs`
      : `after ${WARM_REQUESTS} requests and ${WARM_SECONDS} s`
  const values = (of: (sizes: Sizes) => number): ReturnType<typeof estimate> =>
    estimate(samples.map((sample) => of(sample[state])))
  const parts = Object.keys(samples[0]![state].pss).map((name) => ({
    figure: `${text}: ${name}`,
    value: `${interval(
      values(({ pss }) => pss[name] ?? 0),
      1,
    )} MB`,
  }))
  const totals = [
    { figure: `${text}: all processes, PSS`, found: values(({ pss }) => total(pss)) },
    { figure: `${text}: all processes, alone on the machine`, found: values(({ alone }) => alone) },
  ]
  const judged = totals.map(({ figure, found }) =>
    state === 'idle' ? goalRow(figure, GOAL, found, ' MB', 1) : { figure, value: `${interval(found, 1)} MB` },
  )
  return [...judged, ...parts]
})
const how = `${options.rounds} fresh systems; proportional set size (PSS), 1 MB = 1,000,000 bytes`
finish(
  { topic: 'Memory', machine: machine!, rounds: options.rounds, how, rows, samples },
  options.save ? import.meta.dirname : undefined,
)

async function once(folder: string): Promise<Sample> {
  const running = await startLightbox({ folder })
  try {
    const database = await databaseOf(folder)
    machine ??= describeMachine(await serverVersion(database))
    await noJobs(database)
    const measure = (): Sizes => sizes(running.pid, running.web, running.postgres)
    await sleep(IDLE_SECONDS * 1000)
    const idle = measure()
    for (let i = 0; i < WARM_REQUESTS; i++) await (await fetch(`${running.url}/users/12`)).arrayBuffer()
    await sleep(WARM_SECONDS * 1000)
    return { idle, warm: measure() }
  } finally {
    await running.stop()
  }
}

/** Waits until the photos of the seeded community are there. */
function noJobs(database: ConnectionOptions): Promise<void> {
  return withSession(database, async (client) => {
    const left = 'select exists (select from tenfold.jobs) as something'
    while ((await client.query<{ something: boolean }>(left)).rows[0]?.something) await sleep(POLL_MS)
  })
}

/** By role; PostgreSQL's helper processes and sessions apart, since a session's memory is a matter of pool sizes. */
function sizes(guard: number, web: number, postgres: number): Sizes {
  const pss: Record<string, number> = {}
  const memories: Memory[] = []
  for (const pid of new Set([...tree(guard), ...tree(web), ...tree(postgres)])) {
    const memory = memoryOf(pid)
    const name = roleOf(pid, guard, web, postgres)
    pss[name] = (pss[name] ?? 0) + memory.pssKib / KIB_PER_MB
    memories.push(memory)
  }
  return { pss, alone: aloneKib(memories) / KIB_PER_MB }
}

function roleOf(pid: number, guard: number, web: number, postgres: number): string {
  if (pid === guard) return 'guard'
  if (pid === web) return 'application (web-1)'
  if (pid === postgres) return 'PostgreSQL: postmaster'
  const command = commandOf(pid)
  if (command.startsWith('postgres: tenfold ')) return 'PostgreSQL: sessions'
  return command.startsWith('postgres: ') ? 'PostgreSQL: background processes' : 'others'
}

function total(pss: Sizes['pss']): number {
  return Object.values(pss).reduce((a, b) => a + b, 0)
}
