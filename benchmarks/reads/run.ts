import { alternate } from '../kit/alternate.ts'
import { cpuSince, markCpu } from '../kit/cpu.ts'
import { describeMachine } from '../kit/machine.ts'
import { readOptions } from '../kit/options.ts'
import { finish } from '../kit/report.ts'
import { type ReadsSample, rows, type Share } from './rows.ts'
import { type Bench, Session, USERS, withCluster } from './system.ts'

const SESSIONS = 50
/** Reads of a session for each write. */
const READS = 9
const WARM_SECONDS = 2
const SQL = 'select id, name, visits from users where id = $1'

const options = readOptions()

await withCluster(async (bench) => {
  const contestants = [
    { name: 'causal', sample: () => measured(bench, (until) => causal(bench, until)) },
    { name: 'lane', sample: () => measured(bench, (until) => lane(bench, until)) },
    { name: 'pool', sample: () => measured(bench, (until) => bare(bench, until)) },
  ]
  await causal(bench, performance.now() + WARM_SECONDS * 1000)
  await bare(bench, performance.now() + WARM_SECONDS * 1000)
  const shares: Share[] = []
  const samples = await alternate(contestants, options.rounds, (round, one) => {
    const text = [...one].map(
      ([name, { perSecond, nodeUs, postgresUs }]) =>
        `${name} ${Math.round(perSecond)}/s ${(nodeUs + postgresUs).toFixed(1)} µs`,
    )
    process.stderr.write(`${round + 1}/${options.rounds} ${text.join('  ')}\n`)
  })
  for (let round = 0; round < options.rounds; round++) shares.push(await mixed(bench, options.seconds))
  finish(
    {
      topic: `Reads over replicas: ${SESSIONS} sessions without think time`,
      machine: describeMachine(bench.version),
      rounds: options.rounds,
      how: `${options.rounds} alternations of ${options.seconds} s; a primary with two synchronous replicas (ANY 1), all in one machine; the client and the pools of 10 a replica in one process`,
      rows: rows(samples, shares),
      samples: { samples: Object.fromEntries(samples), shares },
    },
    options.save ? import.meta.dirname : undefined,
  )
})

async function measured(bench: Bench, run: (until: number) => Promise<number>): Promise<ReadsSample> {
  const before = process.cpuUsage()
  const marks = bench.pids.map((pid) => [pid, markCpu(pid)] as const)
  const startedAt = performance.now()
  const reads = await run(startedAt + options.seconds * 1000)
  const seconds = (performance.now() - startedAt) / 1000
  const { user, system } = process.cpuUsage(before)
  const postgres = marks.reduce((sum, [pid, mark]) => sum + cpuSince(mark, pid), 0)
  return { perSecond: reads / seconds, nodeUs: (user + system) / reads, postgresUs: postgres / reads }
}

/** Each session reads with the token of its last answer. */
function causal(bench: Bench, until: number): Promise<number> {
  return sessions(async (at) => {
    const session = new Session(bench)
    let reads = 0
    for (; performance.now() < until; reads++) {
      const id = idOf(at, reads)
      await session.request((client) =>
        client.readAt(client.target('user', id).placement, (db) => db.query(SQL, [id])),
      )
    }
    return reads
  })
}

/** The same sessions with the replicas, and none of what makes it causal: no token, no position, no choice. */
function lane({ client }: Bench, until: number): Promise<number> {
  const { replicas, statements } = client.cluster('c0')
  return sessions(async (at) => {
    let reads = 0
    for (; performance.now() < until; reads++)
      await replicas[(at + reads) % replicas.length]!.lane.query(
        statements.get(SQL),
        [idOf(at, reads)],
        10_000,
      )
    return reads
  })
}

/** As one writes it by hand: a pool for each replica, in turn, a named statement, and no thought of what was seen. */
function bare({ replicas }: Bench, until: number): Promise<number> {
  return sessions(async (at) => {
    let reads = 0
    for (; performance.now() < until; reads++) {
      const pool = replicas[(at + reads) % replicas.length]!
      await pool.query({ name: 'user', text: SQL, values: [idOf(at, reads)] })
    }
    return reads
  })
}

/** Nine reads for each write; every read has to show the session's last write. */
async function mixed(bench: Bench, seconds: number): Promise<Share> {
  const { metrics } = bench.client.cluster('c0')
  const before = {
    replica: metrics.replica.value,
    primary: metrics.primary.value,
    waits: metrics.waits.value,
  }
  const until = performance.now() + seconds * 1000
  let stale = 0
  const reads = await sessions(async (at) => {
    const session = new Session(bench)
    const id = at + 1
    let count = 0
    while (performance.now() < until) {
      const visits = await session.request((client) =>
        client.writeAt(client.target('user', id), 'visit', async (tx) => {
          const [row] = await tx.query<{ visits: number }>(
            'update users set visits = visits + 1 where id = $1 returning visits',
            [id],
          )
          return row!.visits
        }),
      )
      for (let read = 0; read < READS; read++, count++) {
        const [row] = await session.request((client) =>
          client.readAt<never, { visits: number }[]>(client.target('user', id).placement, (db) =>
            db.query(SQL, [id]),
          ),
        )
        if (row!.visits !== visits) stale++
      }
    }
    return count
  })
  if (stale > 0) throw new Error(`${stale} of ${reads} reads did not show the session's last write`)
  return {
    reads,
    replica: metrics.replica.value - before.replica,
    primary: metrics.primary.value - before.primary,
    waits: metrics.waits.value - before.waits,
  }
}

async function sessions(run: (at: number) => Promise<number>): Promise<number> {
  const counts = await Promise.all(Array.from({ length: SESSIONS }, (_, at) => run(at)))
  return counts.reduce((sum, count) => sum + count, 0)
}

function idOf(at: number, read: number): number {
  return 1 + ((at * 7919 + read * 104_729) % USERS)
}
