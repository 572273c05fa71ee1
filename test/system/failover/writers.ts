import pg from 'pg'
import { systemClock } from '../../../src/core/clock.ts'
import type { TestCluster } from '../../../src/data/failover/fixtures/cluster.ts'
import { connectionTo } from '../../../src/data/postgres/address.ts'
import { destroy } from '../../../src/data/postgres/database.ts'
import { Progress } from '../kit/progress.ts'

/** How a writer asks for its commits; anything but `synchronous` is a mistake that a test must notice. */
export type Commits = 'synchronous' | 'asynchronous' | 'before they are on the disk'

/** Writers that insert numbers one after another, on whatever node is primary, and note what was acknowledged. */
export interface Writers {
  readonly acknowledged: ReadonlySet<number>
  /** Milliseconds between two acknowledgements, at most, over all writers. */
  readonly longestMs: () => number
  /** Resolves when so many more have been acknowledged. */
  progress(count: number): Promise<void>
  stop(): Promise<void>
}

/** A plain client of `pg` without anything of ours: what it loses, the cluster has lost. */
export async function startWriters(
  cluster: TestCluster,
  count: number,
  commits: Commits = 'synchronous',
): Promise<Writers> {
  const acknowledged = new Set<number>()
  const progress = new Progress()
  let stopped = false
  let next = 0
  let last = systemClock.monotonic()
  let longest = 0
  const told = (id: number): void => {
    acknowledged.add(id)
    const now = systemClock.monotonic()
    longest = Math.max(longest, now - last)
    last = now
    progress.add()
  }
  const session = async (): Promise<pg.Client> => {
    const address = cluster
      .current()
      .topology()
      .members.find(({ role }) => role === 'primary')?.address
    if (address === undefined) throw new Error('There is no primary')
    const client = new pg.Client({ ...connectionTo(address, 'postgres'), connectionTimeoutMillis: 1_000 })
    client.on('error', () => {})
    await client.connect()
    if (commits !== 'synchronous')
      await client.query(`set synchronous_commit = ${commits === 'asynchronous' ? 'local' : 'off'}`)
    return client
  }
  const write = async (): Promise<void> => {
    let client: pg.Client | undefined
    while (!stopped) {
      const id = ++next
      const leave = new AbortController()
      try {
        client ??= await session()
        // A server that hangs says nothing: whoever waits for it waits for the keeper's word, not for a timeout.
        const moved = watchPrimary(cluster, leave.signal)
        await Promise.race([client.query('insert into kept values ($1)', [id]), moved])
        told(id)
      } catch {
        if (client !== undefined) destroy(client)
        client = undefined
        await systemClock.sleep(2)
      } finally {
        leave.abort()
      }
    }
    if (client !== undefined) destroy(client)
  }
  const client = await session()
  await client.query('set synchronous_commit = on')
  await client.query('create table kept (id int primary key)')
  await client.end()
  const running = Array.from({ length: count }, write)
  return {
    acknowledged,
    longestMs: () => longest,
    progress: (more) => progress.further(more),
    stop: async () => {
      stopped = true
      await Promise.all(running)
    },
  }
}

/** Rejects when another node is primary. */
function watchPrimary(cluster: TestCluster, signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const keeper = cluster.current()
    const { primary } = keeper.record
    const end = keeper.onChange((topology) => {
      if (topology.primary !== primary) reject(new Error('Another node is primary'))
    })
    signal.addEventListener('abort', end)
  })
}

/** Numbers that were acknowledged and are not there. */
export async function missing(cluster: TestCluster, { acknowledged }: Writers): Promise<number[]> {
  const [id] = cluster.connections()
  const { primary } = cluster.current().record
  const connection = cluster.connections().get(primary) ?? id?.[1]
  const client = new pg.Client(connection)
  await client.connect()
  // Not what comes while it is asked.
  const known = [...acknowledged]
  try {
    const { rows } = await client.query<{ id: number }>('select id from kept')
    const there = new Set(rows.map(({ id: found }) => found))
    return known.filter((one) => !there.has(one))
  } finally {
    await client.end()
  }
}
