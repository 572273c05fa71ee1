import { systemClock } from '../../../src/core/clock.ts'
import type { NodeStatus } from '../../../src/core/topology.ts'
import { processesIn } from '../../../src/data/postgres/process.ts'
import type { Fault } from '../kit/nemesis.ts'
import type { Dice } from '../kit/seed.ts'
import type { ServerProcess } from '../kit/server.ts'
import { signal } from '../kit/signal.ts'

async function nodes(server: ServerProcess, so: (node: NodeStatus) => boolean): Promise<NodeStatus[]> {
  return (await server.ready()).nodes.filter(so)
}

const isPrimary = ({ role }: NodeStatus): boolean => role === 'primary'
const isReplica = ({ role }: NodeStatus): boolean => role === 'replica'
const isOf =
  (tier: NodeStatus['tier']) =>
  (node: NodeStatus): boolean =>
    node.tier === tier

/** One of them. */
async function one(
  server: ServerProcess,
  dice: Dice,
  so: (node: NodeStatus) => boolean,
): Promise<NodeStatus | undefined> {
  const found = await nodes(server, so)
  return found.length === 0 ? undefined : dice.pick(found)
}

/** All processes of a data node. */
export function wholeServer(server: ServerProcess, { pid }: NodeStatus): number[] {
  const folder = server.dataFolders.find((dir) => processesIn(dir).some((process) => process.pid === pid))
  return folder === undefined ? [] : processesIn(folder).map((process) => process.pid)
}

/** Silent for a while: the pause is the fault itself. */
async function pause(pids: readonly (number | null)[], ms: number): Promise<void> {
  for (const pid of pids) signal(pid, 'SIGSTOP')
  await systemClock.sleep(ms)
  for (const pid of pids) signal(pid, 'SIGCONT')
}

export const FAULTS = {
  'kill the primary': async (server, dice) => signal((await one(server, dice, isPrimary))?.pid, 'SIGKILL'),
  'stop the primary for good': async (server, dice) => {
    const primary = await one(server, dice, isPrimary)
    for (const pid of primary ? wholeServer(server, primary) : []) signal(pid, 'SIGSTOP')
  },
  'stop the primary for a moment': async (server, dice) => {
    const primary = await one(server, dice, isPrimary)
    await pause(primary ? wholeServer(server, primary) : [], 200 + dice.below(1500))
  },
  'stop the postmaster': async (server, dice) => {
    const primary = await one(server, dice, isPrimary)
    signal(primary?.pid, 'SIGSTOP')
    // Its sessions go on until it is ended: whoever judged before would be cut off in the midst of it.
    await server.until('the stopped postmaster is ended', ({ nodes: now }) =>
      now.every(({ pid }) => pid !== primary?.pid) ? true : undefined,
    )
  },
  'kill a replica': async (server, dice) => signal((await one(server, dice, isReplica))?.pid, 'SIGKILL'),
  'stop a replica for a while': async (server, dice) => {
    const replica = await one(server, dice, isReplica)
    await pause(replica ? wholeServer(server, replica) : [], 300 + dice.below(2500))
  },
  'kill all replicas': async (server) => {
    for (const { pid } of await nodes(server, isReplica)) signal(pid, 'SIGKILL')
  },
  'kill primary and replica': async (server, dice) => {
    const [primary, replica] = [await one(server, dice, isPrimary), await one(server, dice, isReplica)]
    signal(replica?.pid, 'SIGKILL')
    signal(primary?.pid, 'SIGKILL')
  },
  'kill one primary after the other': async (server, dice) => {
    const first = await one(server, dice, isPrimary)
    signal(first?.pid, 'SIGKILL')
    const second = await server.until('another primary', ({ nodes: all }) =>
      all.find(
        (node) =>
          isPrimary(node) && node.cluster === first?.cluster && node.id !== first?.id && node.pid !== null,
      ),
    )
    signal(second.pid, 'SIGKILL')
  },
  'kill all data nodes': async (server) => {
    for (const { pid } of await nodes(server, isOf('data'))) signal(pid, 'SIGKILL')
  },
  'kill the web node': async (server, dice) => signal((await one(server, dice, isOf('web')))?.pid, 'SIGKILL'),
  'stop the web node for a while': async (server, dice) =>
    pause([(await one(server, dice, isOf('web')))?.pid ?? null], 200 + dice.below(1500)),
  'kill the relay': async (server, dice) => signal((await one(server, dice, isOf('relay')))?.pid, 'SIGKILL'),
  'stop the relay for a while': async (server, dice) =>
    pause([(await one(server, dice, isOf('relay')))?.pid ?? null], 200 + dice.below(1500)),
  'kill a worker': async (server, dice) => signal((await one(server, dice, isOf('worker')))?.pid, 'SIGKILL'),
  'stop a worker for a while': async (server, dice) =>
    pause([(await one(server, dice, isOf('worker')))?.pid ?? null], 200 + dice.below(2500)),
  'kill the supervisor': async (server) => signal(server.supervisor, 'SIGKILL'),
  'kill the primary while the supervisor is stopped': async (server, dice) => {
    const primary = await one(server, dice, isPrimary)
    const { supervisor = null } = server
    signal(supervisor, 'SIGSTOP')
    signal(primary?.pid, 'SIGKILL')
    await pause([supervisor], 200 + dice.below(2500))
  },
  'kill supervisor and primary': async (server, dice) => {
    const primary = await one(server, dice, isPrimary)
    signal(server.supervisor, 'SIGKILL')
    signal(primary?.pid, 'SIGKILL')
  },
  'restart the primary': async (server, dice) => {
    const primary = await one(server, dice, isPrimary)
    if (primary) await server.command('restart', primary.id)
  },
} satisfies Record<string, Fault>

export type FaultName = keyof typeof FAULTS
