import type { ClusterKeeper } from '../data/failover/keeper.ts'
import { REPLICAS_MAX } from '../data/failover/options.ts'
import { type ControlAnswer, refusal } from './control-answer.ts'
import { NodeUnknown, OperationRefused } from './errors.ts'
import { nearest } from './nearest.ts'
import type { NodeProcess } from './nodes/node-process.ts'

/** What can be scaled, restarted and broken. */
export interface Operated {
  readonly keepers: ReadonlyMap<string, ClusterKeeper>
  readonly nodes: ReadonlyMap<string, NodeProcess>
}

const FAULTS = ['kill', 'pause', 'resume'] as const
type Fault = (typeof FAULTS)[number]
const SIGNALS = { kill: 'SIGKILL', pause: 'SIGSTOP', resume: 'SIGCONT' } as const

/** `tenfold restart`, `scale`, `fault`: `/restart?target=`, `/scale?target=&count=`, `/fault?what=&node=`. */
export async function operate(operated: Operated, { pathname, searchParams }: URL): Promise<ControlAnswer> {
  try {
    if (pathname === '/fault') {
      const what = searchParams.get('what') as Fault
      if (!FAULTS.includes(what)) return { status: 400, body: { title: `There is no fault ${what}.` } }
      return { status: 200, body: { nodes: [fault(operated, what, searchParams.get('node') ?? '')] } }
    }
    if (pathname === '/restart')
      return { status: 200, body: { nodes: await restart(operated, searchParams.get('target') ?? '') } }
    if (pathname === '/scale')
      return {
        status: 200,
        body: {
          nodes: await scale(operated, searchParams.get('target') ?? '', searchParams.get('count') ?? ''),
        },
      }
    return { status: 404, body: { title: 'There is no such operation' } }
  } catch (error) {
    return refusal(error)
  }
}

function fault({ keepers, nodes }: Operated, what: Fault, id: string): string {
  const keeper = keeperOf(keepers, id)
  const done = keeper ? keeper.fault(id, what) : nodeOf({ keepers, nodes }, id).signal(SIGNALS[what])
  if (done) return id
  throw new OperationRefused(
    `${id} does not run at the moment: there is no process to ${what}.`,
    'Try again when `tenfold status` shows it with a process.',
  )
}

/** A node, or a tier: its nodes one after another. */
async function restart(operated: Operated, target: string): Promise<string[]> {
  const { keepers, nodes } = operated
  if (target === 'data') {
    // The replicas first: each primary then hands over once.
    const members = [...keepers.values()].flatMap((keeper) =>
      keeper
        .topology()
        .members.toSorted(({ role }) => (role === 'primary' ? 1 : -1))
        .map(({ id }) => ({ keeper, id })),
    )
    for (const { keeper, id } of members) await keeper.restart(id)
    return members.map(({ id }) => id)
  }
  const keeper = keeperOf(keepers, target)
  if (keeper !== undefined) {
    await keeper.restart(target)
    return [target]
  }
  const tier = [...nodes.values()].filter((node) => node.tier === target)
  const chosen = tier.length > 0 ? tier : [nodeOf(operated, target)]
  for (const node of chosen) await node.restart()
  return chosen.map(({ id }) => id)
}

async function scale({ keepers }: Operated, target: string, text: string): Promise<string[]> {
  if (target !== 'data.replicas')
    throw new OperationRefused(
      `${JSON.stringify(target)} cannot be scaled in this version.`,
      'Write `tenfold scale data.replicas=N`.',
    )
  const count = Number(text)
  if (!/^\d+$/.test(text) || count > REPLICAS_MAX)
    throw new OperationRefused(
      `A primary cannot have ${JSON.stringify(text)} replicas.`,
      `Name a whole number from 0 to ${REPLICAS_MAX}.`,
    )
  if (keepers.size === 0)
    throw new OperationRefused(
      'The databases of this system are given by URL (`--database`): it has no data nodes of its own.',
      'Add or remove replicas where those databases are run.',
    )
  await Promise.all([...keepers.values()].map((keeper) => keeper.scale(count)))
  return [...keepers.values()].flatMap(({ record }) => record.nodes)
}

const keeperOf = (keepers: Operated['keepers'], id: string): ClusterKeeper | undefined =>
  [...keepers.values()].find(({ record }) => record.nodes.includes(id))

function nodeOf({ keepers, nodes }: Operated, id: string): NodeProcess {
  const node = nodes.get(id)
  if (node !== undefined) return node
  const known = [...nodes.keys(), ...[...keepers.values()].flatMap(({ record }) => record.nodes)]
  throw new NodeUnknown(id, known, nearest(id, known))
}
