import { Releasers } from '../core/lifecycle.ts'
import type { DirectoryStatus, SystemStatus } from '../core/topology.ts'
import type { ClusterOptions } from '../data/client/types.ts'
import type { ClusterKeeper } from '../data/failover/keeper.ts'
import { checkPort } from './check-port.ts'
import { externalClusters } from './clusters.ts'
import { openConsole } from './console-server.ts'
import type { ControlAnswer } from './control-answer.ts'
import { openControl } from './control-server.ts'
import { createKeepers, dataStatus, durabilityStatus, keptFolders, startKeepers } from './data-tier.ts'
import { inspectExternal } from './external.ts'
import { externalStatus } from './external-status.ts'
import { endUnwanted, NOTHING } from './left-running.ts'
import type { NodeAnswer, NodeRequest } from './nodes/messages.ts'
import { readNode } from './nodes/node-notes.ts'
import { NodeProcess } from './nodes/node-process.ts'
import { relaySocketPath } from './nodes/relay-node.ts'
import { operate } from './operations.ts'
import { own } from './ownership.ts'
import { signingKeys } from './secrets.ts'
import { type Left, leftByFailure, type ServerOptions, type ServerPart, type StopHow } from './server-part.ts'
import type { Ports } from './start-request.ts'
import { overall } from './status.ts'
import { readTls } from './tls.ts'
import { clusterMessage, externalMessage, TopologyEpoch } from './topology-store.ts'

/** Waits for each of them, also when one fails; then it is thrown. */
async function all(parts: readonly Promise<void>[]): Promise<void> {
  const ends = await Promise.allSettled(parts)
  for (const end of ends) if (end.status === 'rejected') throw end.reason
}

const NO_DIRECTORY: DirectoryStatus = { epoch: 0, clusters: {}, isolated: [] }

/**
 * The stages from `split` on: every tier in processes of its own, started and watched from this one. When it dies they go
 * on, and the next one adopts them. The composition root: read {@link Supervisor.start} from top to bottom; stopping walks back.
 */
export class Supervisor implements ServerPart {
  readonly #options: ServerOptions
  readonly #releasers = new Releasers()
  readonly #epoch: TopologyEpoch
  /** Made once the folder is ours: before, another may still write what they begin with. */
  #keepers: ReadonlyMap<string, ClusterKeeper> = new Map()
  /** Databases that are not ours, instead of keepers. */
  readonly #external: readonly ClusterOptions[]
  #warnings: readonly string[] = []
  readonly #nodes = new Map<string, NodeProcess>()
  readonly #startedAt: string
  #phase: 'starting' | 'ready' | 'stopping' = 'starting'
  #consoleUrl: string | null = null
  #app: string | undefined
  #directory = NO_DIRECTORY
  /** As a web node knew them when it was last asked. */
  #databases: NodeAnswer['databases']
  #nodesLeft: Left = 'nothing'
  #dataLeft: Left = 'nothing'
  #serves = false
  #told = ''

  constructor(options: ServerOptions) {
    this.#options = options
    this.#epoch = new TopologyEpoch(options.folder.path)
    this.#startedAt = new Date(options.clock.now()).toISOString()
    const { request } = options
    this.#external = externalClusters(request.databases)
  }

  async start(): Promise<{ readonly ports: Ports; readonly notes: readonly string[] }> {
    const { request, folder, steps, ports, random, clock } = this.#options

    // First whatever can be refused at once: nothing has been touched yet.
    const owned = own(folder.path)
    this.#releasers.push(() => owned.release())
    if (this.#external.length === 0) this.#keepers = createKeepers(request, folder, this.#options)
    this.#releasers.push(() => this.#endRest())
    readTls(request)
    const port = ports?.port ?? request.port
    // A web node that lives on may have it.
    if (readNode(folder.path, 'web-1')?.port !== port) await checkPort(port)
    await this.#openDoors(ports?.consolePort ?? request.consolePort)
    const keys = signingKeys(request.signingKeys, folder.secrets, random).map((key) => key.toString('base64'))

    this.#watchData()
    // The relay after those who need it.
    this.#releasers.push(() => this.#stopNodes((tier) => tier === 'relay'))
    this.#releasers.push(() => this.#stopNodes((tier) => tier !== 'relay'))
    const web = this.#node({ id: 'web-1', tier: 'web', port, signingKeys: keys, prepares: true })
    // Before they are started: a stop finds what an earlier supervisor has started under their names.
    const relay = this.#node({ id: 'relay-1', tier: 'relay', port: 0, signingKeys: keys })
    const workers = Array.from({ length: request.workers }, (_, at) =>
      this.#node({ id: `worker-${at + 1}`, tier: 'worker', port: 0, signingKeys: keys, runsJobs: true }),
    )
    const dataDirs = keptFolders(this.#keepers, folder)
    await endUnwanted(folder, { nodes: [...this.#nodes.keys()], dataDirs }, clock)
    // Side by side: the web node imports the application while PostgreSQL starts, and waits for the topology.
    // An application that cannot be loaded need not wait for the data.
    await Promise.race([
      Promise.all([steps.run('data', () => this.#startData()), steps.run('web', () => web.start())]),
      web.failed(),
    ])
    this.#publish()
    const {
      url,
      port: bound,
      app,
    } = await steps.run('app', () => Promise.race([web.ready(), this.#aborted()]))
    this.#app = app
    this.#publish()

    await steps.run('others', () => Promise.all([relay, ...workers].map((node) => node.start())))
    owned.announce(url)
    this.#phase = 'ready'
    return {
      ports: { port: bound, consolePort: Number(new URL(this.#consoleUrl!).port) },
      notes: this.#notes(),
    }
  }

  async stop({ keepPostgres, fast }: StopHow): Promise<void> {
    this.#phase = 'stopping'
    this.#dataLeft = keepPostgres ? 'all' : 'nothing'
    if (fast) this.hurry()
    await this.#releasers.releaseAll()
  }

  async giveUp(): Promise<void> {
    this.#phase = 'stopping'
    this.#nodesLeft = leftByFailure(this.#options)
    this.#dataLeft = this.#nodesLeft
    await this.#releasers.releaseAll()
  }

  hurry(): void {
    for (const node of this.#nodes.values()) node.hurry()
  }

  renewTls(): void {
    this.#nodes.get('web-1')?.renew()
  }

  async status(): Promise<SystemStatus> {
    const { request } = this.#options
    // Before they are asked: whoever is adopted meanwhile is not among them, and all may be ready after that.
    const phase = this.#phase
    const [nodes, relay] = await Promise.all([this.#processes(), this.#relayStatus()])
    const data = [
      ...externalStatus(this.#external, this.#startedAt, this.#databases),
      ...[...this.#keepers].flatMap(([name, keeper]) => dataStatus(name, keeper)),
    ]
    const all = [...nodes, ...data]
    return {
      app: this.#app ?? '',
      stage: request.stage,
      state: overall(phase, all),
      topologyEpoch: this.#epoch.current,
      url: this.#nodes.get('web-1')?.report?.url ?? '',
      consoleUrl: this.#consoleUrl,
      nodes: all,
      directory: this.#directory,
      relay,
      durability: Object.fromEntries(
        [...this.#keepers].map(([name, keeper]) => [name, durabilityStatus(keeper)]),
      ),
    }
  }

  async #openDoors(consolePort: number): Promise<void> {
    const { folder } = this.#options
    const status = () => this.status()
    const control = await openControl({
      folder,
      status,
      stop: this.#options.onStopRequest,
      ask: (method, path) => this.#askWeb(method, path),
      operate: (url) => operate({ keepers: this.#keepers, nodes: this.#nodes }, url),
    })
    this.#releasers.push(() => control.close())
    const metricsText = async (): Promise<string> => String((await this.#askWeb('GET', '/metrics')).body)
    const opened = await openConsole(consolePort, { status, metricsText })
    this.#consoleUrl = opened.url
    this.#releasers.push(() => opened.close())
  }

  /** The data tier ends after everything that uses it. */
  #watchData(): void {
    const keepers = [...this.#keepers.values()]
    const ends = keepers.map((keeper) => keeper.onChange(() => this.#publish()))
    this.#releasers.push(async () => {
      for (const end of ends) end()
      await all(keepers.map((keeper) => (this.#goesOn(keeper) ? keeper.leave() : keeper.stop())))
    })
  }

  /** A stop may come before what runs has been found. */
  async #endRest(): Promise<void> {
    const { folder, clock } = this.#options
    if (this.#dataLeft === 'nothing') await endUnwanted(folder, NOTHING, clock)
  }

  #goesOn(keeper: ClusterKeeper): boolean {
    return this.#dataLeft === 'all' || (this.#dataLeft === 'adopted' && keeper.adopted)
  }

  /** All at the same time, so that the slowest alone decides. */
  #stopNodes(are: (tier: NodeRequest['tier']) => boolean): Promise<void> {
    return all(
      [...this.#nodes.values()].filter(({ tier }) => are(tier)).map((node) => node.stop(this.#nodesLeft)),
    )
  }

  async #startData(): Promise<void> {
    const { signal } = this.#options
    if (this.#external.length > 0) this.#warnings = await inspectExternal(this.#external)
    else await Promise.race([startKeepers(this.#keepers, this.#options.folder), this.#aborted()])
    signal.throwIfAborted()
    this.#serves = true
  }

  #aborted(): Promise<never> {
    const { signal } = this.#options
    return new Promise((_, reject) => {
      if (signal.aborted) reject(signal.reason)
      signal.addEventListener('abort', () => reject(signal.reason), { once: true })
    })
  }

  #node(
    wanted: Pick<NodeRequest, 'id' | 'tier' | 'port' | 'signingKeys'> & Partial<NodeRequest>,
  ): NodeProcess {
    const { request: start, log, clock, nodeEntry } = this.#options
    const node = new NodeProcess({
      request: {
        start,
        runsJobs: wanted.tier === 'web' && start.workers === 0,
        soleWorker: start.workers <= 1,
        prepares: false,
        ...wanted,
      },
      // One that is started again has served: nobody waits for a word. With --watch somebody does.
      patient: this.#options.ports !== undefined && !start.watch,
      entry: nodeEntry,
      log,
      clock,
      // What the last supervisor has told may not be on disk.
      onFound: ({ epoch }) => {
        if (!this.#epoch.raise(epoch)) return
        this.#told = ''
        this.#publish()
      },
      onReport: ({ state }) => {
        if (state === 'healthy' && wanted.tier === 'web') void this.#askDirectory()
      },
    })
    this.#nodes.set(wanted.id, node)
    return node
  }

  async #askWeb(method: string, path: string): Promise<ControlAnswer> {
    const answer = await this.#nodes.get('web-1')?.ask(method, path)
    return answer ?? { status: 503, body: { title: 'No web node answers' } }
  }

  async #askDirectory(): Promise<void> {
    const answer = await this.#nodes.get('web-1')?.ask('GET', '/status')
    this.#directory = (answer?.body as NodeAnswer | undefined)?.directory ?? this.#directory
  }

  async #relayStatus(): Promise<SystemStatus['relay']> {
    const answer = await this.#nodes.get('relay-1')?.ask('GET', '/status', 1_000)
    return (answer?.body as NodeAnswer | undefined)?.relay ?? {}
  }

  /** Every process is asked at the same time, each with a deadline. */
  #processes(): Promise<SystemStatus['nodes'][number][]> {
    return Promise.all(
      // The others have not been started or adopted yet.
      [...this.#nodes.values()]
        .filter(({ pid }) => pid !== null)
        .map(async (node) => {
          const answer = node.state === 'healthy' ? await node.ask('GET', '/status', 1_000) : undefined
          const said = answer?.body as NodeAnswer | undefined
          const ready = said?.ready === true
          if (node.tier === 'web') this.#databases = said?.databases
          return {
            id: node.id,
            tier: node.tier,
            pid: node.pid,
            state: node.state === 'healthy' && !ready ? ('suspect' as const) : node.state,
            address: node.report?.url ?? '',
            startedAt: new Date(node.startedAt).toISOString(),
          }
        }),
    )
  }

  /** Tells every node who is there, if that has changed. */
  #publish(): void {
    // Until every primary serves there is nothing to be told.
    if (!this.#serves) return
    const clusters = [
      ...this.#external.map((cluster) => externalMessage(cluster)),
      ...[...this.#keepers].map(([name, keeper]) => clusterMessage(name, keeper.topology())),
    ]
    if (clusters.some(({ members }) => members.length === 0)) return
    const content = {
      clusters,
      relays: [relaySocketPath(this.#options.folder.path, 'relay-1')],
      app: this.#app,
    }
    const text = JSON.stringify(content)
    if (text === this.#told) return
    const epoch = this.#epoch.next((error) =>
      this.#options.log.error({ err: error }, 'the epoch of the topology cannot be written down'),
    )
    this.#told = text
    const topology = { epoch, ...content }
    for (const node of this.#nodes.values()) node.tell(topology)
  }

  #notes(): string[] {
    const adopted = [...this.#nodes.values()]
      .filter((node) => node.adopted)
      .map(({ id, pid }) => `${id} (process ${pid})`)
    if (this.#options.ports !== undefined || adopted.length === 0) return [...this.#warnings]
    return [
      ...this.#warnings,
      `adopted what a killed system left running: ${adopted.join(', ')}, and PostgreSQL`,
    ]
  }
}
