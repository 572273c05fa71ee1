import type { Clock } from '../core/clock.ts'
import type { DirectoryStatus, NodeState, NodeStatus, SystemStatus } from '../core/topology.ts'

/** A node as its owner sees it, before it was asked how it is. */
export interface NodeFacts extends Omit<NodeStatus, 'state' | 'lsn' | 'timeline'> {
  readonly state: NodeState
}

/** What the status is made of. */
export interface StatusSources {
  readonly app: string
  readonly phase: 'starting' | 'ready' | 'stopping'
  readonly url: string
  readonly consoleUrl: string | null
  readonly web: NodeFacts
  readonly data: readonly NodeFacts[]
  readonly directory: DirectoryStatus
  readonly relay: SystemStatus['relay']
  /** Asks a cluster's primary for its position. */
  readonly position: ((cluster: string) => Promise<{ lsn: string; timeline: number }>) | undefined
  readonly webReady: (() => Promise<{ ready: boolean }>) | undefined
}

/** A node that does not answer within this time is suspect. */
const ANSWER_MS_MAX = 1_000

/** Asks every node how it is, at the same time, each with a deadline. */
export async function systemStatus(sources: StatusSources, clock: Clock): Promise<SystemStatus> {
  const [web, ...data] = await Promise.all([
    webStatus(sources, clock),
    ...sources.data.map((facts) => dataStatus(facts, sources.position, clock)),
  ])
  const nodes = [web, ...data]
  return {
    app: sources.app,
    stage: 'single',
    state: overall(sources.phase, nodes),
    topologyEpoch: 1,
    url: sources.url,
    consoleUrl: sources.consoleUrl,
    nodes,
    directory: sources.directory,
    relay: sources.relay,
  }
}

/** The state of the whole from those of its nodes. */
export function overall(
  phase: StatusSources['phase'],
  nodes: readonly { readonly state: NodeState }[],
): SystemStatus['state'] {
  if (phase !== 'ready') return phase
  return nodes.every(({ state }) => state === 'healthy') ? 'ready' : 'degraded'
}

async function webStatus({ web, webReady }: StatusSources, clock: Clock): Promise<NodeStatus> {
  if (web.state !== 'healthy' || webReady === undefined) return web
  const answer = await within(webReady(), clock)
  return { ...web, state: answer?.ready === true ? 'healthy' : 'suspect' }
}

async function dataStatus(
  facts: NodeFacts,
  position: StatusSources['position'],
  clock: Clock,
): Promise<NodeStatus> {
  if (facts.state !== 'healthy' || position === undefined || facts.cluster === undefined) return facts
  // A replica of somebody else's.
  if (facts.role !== 'primary') return facts
  const answer = await within(position(facts.cluster), clock)
  if (answer === undefined) return { ...facts, state: facts.pid === null ? 'down' : 'suspect' }
  return { ...facts, lsn: answer.lsn, timeline: answer.timeline }
}

/** Undefined when it fails or takes too long. */
async function within<R>(answer: Promise<R>, clock: Clock): Promise<R | undefined> {
  const over = new AbortController()
  const late = clock.sleep(ANSWER_MS_MAX, { signal: over.signal }).then(
    () => undefined,
    () => undefined,
  )
  try {
    return await Promise.race([answer, late])
  } catch {
    return undefined
  } finally {
    over.abort()
  }
}
