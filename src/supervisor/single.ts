import type { CreateRuntime, Runtime } from '../app/runtime.ts'
import type { AppDefinition } from '../app/types.ts'
import { Releasers } from '../core/lifecycle.ts'
import type { SystemStatus } from '../core/topology.ts'
import type { ClusterOptions } from '../data/client/types.ts'
import { prepareData } from '../data/prepare.ts'
import { importApp } from './app-module.ts'
import { checkPort } from './check-port.ts'
import { embeddedClusters, externalClusters } from './clusters.ts'
import { openConsole } from './console-server.ts'
import { answerApp } from './control-app.ts'
import { openControl } from './control-server.ts'
import { ensureDatabases } from './databases.ts'
import { inspectExternal } from './external.ts'
import { externalStatus } from './external-status.ts'
import { endUnwanted, NOTHING } from './left-running.ts'
import { readNode } from './nodes/node-notes.ts'
import { own } from './ownership.ts'
import { createPostgresNode, type PostgresNode } from './postgres-node.ts'
import { runtimeSettings } from './runtime-settings.ts'
import { signingKeys } from './secrets.ts'
import { seedOnce } from './seed.ts'
import { type Left, leftByFailure, type ServerOptions, type ServerPart, type StopHow } from './server-part.ts'
import { sizeServer } from './sizing.ts'
import { goAlone, standAlone } from './stand-alone.ts'
import type { Ports } from './start-request.ts'
import { type NodeFacts, systemStatus } from './status.ts'
import { readTls } from './tls.ts'
import { openWeb, type Web } from './web.ts'

/**
 * Stage `single`: the application, its web server and the supervisor in this process, PostgreSQL beside it. The
 * composition root: read {@link Single.start} from top to bottom; stopping walks back.
 */
export class Single implements ServerPart {
  readonly #options: ServerOptions
  readonly #releasers = new Releasers()
  readonly #startedAt: string
  #phase: 'starting' | 'ready' | 'stopping' = 'starting'
  #definition: AppDefinition | undefined
  #postgres: PostgresNode | undefined
  #dataNode = 'c0-pg-1'
  #clusters: readonly ClusterOptions[] = []
  #runtime: Runtime | undefined
  #web: Web | undefined
  #consoleUrl: string | null = null
  #warnings: readonly string[] = []
  #left: Left = 'nothing'
  #fast = false

  constructor(options: ServerOptions) {
    this.#options = options
    this.#startedAt = new Date(options.clock.now()).toISOString()
  }

  /** Resolves when requests are answered. */
  async start(): Promise<{ readonly ports: Ports; readonly notes: readonly string[] }> {
    const { request, folder, log, clock, steps, ports, random, signal } = this.#options

    // First whatever can be refused at once: nothing has been touched yet.
    const owned = own(folder.path)
    this.#releasers.push(() => owned.release())
    this.#releasers.push(() => this.#endRest())
    readTls(request)
    const port = ports?.port ?? request.port
    const consolePort = ports?.consolePort ?? request.consolePort
    // A web node that a killed system of a later stage left running may have it; that one ends.
    if (readNode(folder.path, 'web-1')?.port !== port) await checkPort(port)
    const control = await openControl({
      folder,
      status: () => this.status(),
      stop: this.#options.onStopRequest,
      ask: (method, path) => answerApp(this.#phase === 'ready' ? this.#runtime : undefined, method, path),
    })
    this.#releasers.push(() => control.close())
    const opened = await openConsole(consolePort, {
      status: () => this.status(),
      metricsText: async () => (await this.#runtime?.metricsText()) ?? '',
    })
    this.#consoleUrl = opened.url
    this.#releasers.push(() => opened.close())
    const keys = signingKeys(request.signingKeys, folder.secrets, random)
    const places = request.databases.length > 0 ? undefined : standAlone(folder)
    await endUnwanted(folder, { nodes: [], dataDirs: places === undefined ? [] : [places.dataDir] }, clock)

    // The slow ones side by side. PostgreSQL first: it has processes of its own, importing keeps this one busy.
    const [, definition, { createRuntime }] = await settleAll([
      places === undefined ? Promise.resolve() : steps.run('postgres', () => this.#startPostgres(places)),
      steps.run('app', () => importApp(request.app)),
      steps.run('runtime', () => import('../app/compose.ts')),
    ])
    this.#definition = definition
    this.#clusters = this.#locate(definition)
    signal.throwIfAborted()

    const runtime = await this.#startApp(definition, createRuntime, keys)
    this.#web = await steps.run('listen', () => openWeb({ port, request, runtime, log, clock }))
    this.#releasers.push(() => this.#closeWeb())
    owned.announce(this.#web.url)
    this.#phase = 'ready'
    await runtime.beginJobs()
    return { ports: { port: this.#web.port, consolePort: opened.port }, notes: this.#notes() }
  }

  /**
   * Ends everything in reverse order. `keepPostgres` leaves PostgreSQL to the server process that follows; `fast`
   * does not wait for requests in flight.
   */
  async stop(how: StopHow): Promise<void> {
    this.#phase = 'stopping'
    this.#left = how.keepPostgres ? 'all' : 'nothing'
    this.#fast ||= how.fast
    await this.#releasers.releaseAll()
  }

  async giveUp(): Promise<void> {
    this.#phase = 'stopping'
    this.#left = leftByFailure(this.#options)
    this.#fast = true
    await this.#releasers.releaseAll()
  }

  /** A stop may come before what runs has been found. */
  async #endRest(): Promise<void> {
    const { folder, clock } = this.#options
    if (this.#left === 'nothing') await endUnwanted(folder, NOTHING, clock)
  }

  /** Hurries a stop that is under way. */
  hurry(): void {
    this.#fast = true
    this.#web?.hurry()
  }

  /** Takes the certificate that its files hold now; before there is a web server that happens anyway. */
  renewTls(): void {
    const { log } = this.#options
    try {
      this.#web?.renewTls()
      log.info({}, 'the TLS certificate was read again')
    } catch (error) {
      log.error({ error }, 'the TLS certificate cannot be renewed, the old one stays')
    }
  }

  status(): Promise<SystemStatus> {
    const runtime = this.#runtime
    const data = this.#postgres === undefined ? this.#externalFacts() : [this.#postgresFacts(this.#postgres)]
    return systemStatus(
      {
        app: this.#definition?.options.name ?? '',
        phase: this.#phase,
        url: this.#web?.url ?? '',
        consoleUrl: this.#consoleUrl,
        web: {
          id: 'web-1',
          tier: 'web',
          pid: process.pid,
          state: this.#phase === 'ready' ? 'healthy' : this.#phase === 'stopping' ? 'draining' : 'starting',
          address: this.#web?.url ?? '',
          startedAt: this.#startedAt,
        },
        data,
        directory:
          this.#phase === 'ready' && runtime ? runtime.directory() : { epoch: 0, clusters: {}, isolated: [] },
        relay: runtime?.relay() ?? {},
        position: this.#phase === 'ready' ? runtime?.position.bind(runtime) : undefined,
        webReady: runtime?.ready.bind(runtime),
      },
      this.#options.clock,
    )
  }

  /** Brings the databases up to date and starts the application on them. */
  async #startApp(
    definition: AppDefinition,
    createRuntime: CreateRuntime,
    keys: readonly Buffer[],
  ): Promise<Runtime> {
    const { request, folder, log, steps, signal } = this.#options
    const { placing, options } = definition
    await steps.run('databases', () => this.#ensureDatabases())
    await steps.run('migrate', () =>
      prepareData({ clusters: this.#clusters, placing, migrations: options.migrations, log, signal }),
    )
    const runtime = createRuntime(definition, {
      ...runtimeSettings(request, folder, { clusters: this.#clusters, log }),
      signingKeys: keys,
      soleWorker: true,
      soleProcess: true,
    })
    this.#runtime = runtime
    this.#releasers.push(() => runtime.stop())
    await steps.run('connect', () => runtime.start())
    await steps.run('seed', () => seedOnce(definition, runtime, this.#clusters[0]!))
    signal.throwIfAborted()
    return runtime
  }

  async #startPostgres({ id, ...places }: ReturnType<typeof standAlone>): Promise<void> {
    const { request, folder, log, clock, random, signal } = this.#options
    const { postgres: size } = sizeServer(request)
    this.#dataNode = id
    const node = createPostgresNode({
      ...places,
      log,
      clock,
      random,
      signal,
      pgBin: request.pgBin,
      ...size,
      onRun: (server) => goAlone(folder, server, { copyAnew: true }),
    })
    this.#postgres = node
    this.#releasers.push(() => {
      const goesOn = this.#left === 'all' || (this.#left === 'adopted' && node.server.adopted)
      return goesOn ? node.leave() : node.stop()
    })
    await node.start()
  }

  #locate(definition: AppDefinition): ClusterOptions[] {
    const { request } = this.#options
    if (this.#postgres === undefined) return externalClusters(request.databases)
    return embeddedClusters(definition.options.name, request.clusters, this.#postgres.server)
  }

  async #ensureDatabases(): Promise<void> {
    if (this.#postgres !== undefined) return ensureDatabases(this.#clusters)
    this.#warnings = await inspectExternal(this.#clusters)
  }

  #postgresFacts(node: PostgresNode): NodeFacts {
    const { server } = node
    return {
      id: this.#dataNode,
      tier: 'data',
      cluster: 'c0',
      role: 'primary',
      pid: server.pid ?? null,
      state: node.state,
      address: server.socketDir,
      startedAt: server.startedAt === 0 ? this.#startedAt : new Date(server.startedAt).toISOString(),
    }
  }

  #externalFacts(): NodeFacts[] {
    return externalStatus(this.#clusters, this.#startedAt, this.#runtime?.databases())
  }

  #notes(): string[] {
    const { ports } = this.#options
    // After a replacement within one system the guard knows; otherwise someone killed both.
    if (ports === undefined && this.#postgres?.server.adopted === true)
      return [
        ...this.#warnings,
        `adopted the PostgreSQL (process ${this.#postgres.server.pid}) that a killed system left running`,
      ]
    return [...this.#warnings]
  }

  async #closeWeb(): Promise<void> {
    const closed = this.#web?.close()
    if (this.#fast) this.#web?.hurry()
    await closed
  }
}

/** As `Promise.all`, but nothing is still under way when it rejects. */
async function settleAll<T extends readonly unknown[]>(work: { [K in keyof T]: Promise<T[K]> }): Promise<T> {
  const results = await Promise.allSettled(work)
  const failed = results.find((result) => result.status === 'rejected')
  if (failed !== undefined) throw failed.reason
  return results.map((result) => (result as PromiseFulfilledResult<unknown>).value) as unknown as T
}
