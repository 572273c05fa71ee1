import pg from 'pg'
import { systemClock } from '../../../src/core/clock.ts'
import type { ConnectionOptions } from '../../../src/data/client/types.ts'
import { processesIn } from '../../../src/data/postgres/process.ts'
import type { Dice } from './seed.ts'
import type { ServerProcess } from './server.ts'
import { signal } from './signal.ts'

/** Something that is broken on purpose; returns when it is done, not when it is repaired. */
export type Fault = (server: ServerProcess, dice: Dice) => Promise<void>

async function kill(server: ServerProcess, tier: 'web' | 'data'): Promise<void> {
  const node = await server.node(tier)
  signal(node?.pid, 'SIGKILL')
}

async function asAdmin(server: ServerProcess, work: (client: pg.Client) => Promise<unknown>): Promise<void> {
  const [connection] = await server.connections()
  const client = new pg.Client(connection as ConnectionOptions)
  client.on('error', () => {}) // it may lose its own backend, too
  await client.connect()
  try {
    await work(client)
  } finally {
    await client.end().catch(() => {})
  }
}

const BACKENDS = `select pid from pg_stat_activity
  where backend_type = 'client backend' and pid <> pg_backend_pid() order by pid`

export const FAULTS = {
  'kill the server': (server) => kill(server, 'web'),
  'kill PostgreSQL': (server) => kill(server, 'data'),
  'kill both': async (server) => {
    const status = await server.status()
    for (const { pid } of status?.nodes ?? []) signal(pid, 'SIGKILL')
  },
  'kill a backend': (server, dice) =>
    asAdmin(server, async (client) => {
      const { rows } = await client.query<{ pid: number }>(BACKENDS)
      if (rows.length > 0) signal(dice.pick(rows).pid, 'SIGKILL')
    }),
  'terminate backends': (server, dice) =>
    asAdmin(server, async (client) => {
      for (let round = 0; round < 10; round++)
        await client.query(`select pg_terminate_backend(pid) from (${BACKENDS}) b where random() < $1`, [
          0.3 + dice.below(50) / 100,
        ])
    }),
  'stop PostgreSQL for a while': async (server, dice) => {
    const all = processesIn(server.postgresFolder) ?? []
    for (const { pid } of all) signal(pid, 'SIGSTOP')
    try {
      // The pause is the fault itself: a process that is silent for this long.
      await systemClock.sleep(1000 + dice.below(1000))
    } finally {
      for (const { pid } of all) signal(pid, 'SIGCONT')
    }
  },
} satisfies Record<string, Fault>

export type FaultName = keyof typeof FAULTS
