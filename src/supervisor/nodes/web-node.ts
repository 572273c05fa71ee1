import type { Runtime } from '../../app/runtime.ts'
import type { AppDefinition } from '../../app/types.ts'
import { systemClock } from '../../core/clock.ts'
import { lifecycle, Releasers } from '../../core/lifecycle.ts'
import type { ClusterOptions } from '../../data/client/types.ts'
import { prepareData } from '../../data/prepare.ts'
import { importApp } from '../app-module.ts'
import type { ControlAnswer } from '../control-answer.ts'
import { answerApp } from '../control-app.ts'
import { ensureDatabases } from '../databases.ts'
import { runtimeSettings } from '../runtime-settings.ts'
import { seedOnce } from '../seed.ts'
import { openWeb, type Web } from '../web.ts'
import { clustersOf } from './clusters-of.ts'
import type { Topology } from './messages.ts'
import type { NodePart, NodePartOptions } from './node-part.ts'

/** A web node, or a worker node, which is the same without a web server: the composition root of its process. */
export function createWebNode(options: NodePartOptions): NodePart {
  return new WebNode(options)
}

class WebNode implements NodePart {
  readonly #options: NodePartOptions
  readonly #releasers = new Releasers()
  readonly #service
  #definition: AppDefinition | undefined
  #runtime: Runtime | undefined
  #web: Web | undefined

  constructor(options: NodePartOptions) {
    this.#options = options
    this.#service = lifecycle(
      () => this.#start(),
      () => this.#releasers.releaseAll(),
    )
  }

  start(): Promise<void> {
    return this.#service.start()
  }
  stop(): Promise<void> {
    return this.#service.stop()
  }
  get url(): string {
    return this.#web?.url ?? ''
  }
  get port(): number {
    return this.#web?.port ?? 0
  }
  get app(): string | undefined {
    return this.#definition?.options.name
  }

  topology(topology: Topology): void {
    const app = this.#definition
    if (app === undefined) return
    for (const { name, members, losses } of clustersOf(topology, app.options.name))
      this.#runtime?.members(name, members ?? [], losses)
  }

  renew(): void {
    try {
      this.#web?.renewTls()
    } catch (error) {
      this.#options.log.error({ err: error }, 'the TLS certificate cannot be renewed, the old one stays')
    }
  }

  hurry(): void {
    this.#web?.hurry()
  }

  async status() {
    const runtime = this.#runtime
    if (runtime === undefined) return { ready: false }
    const { ready } = await runtime.ready()
    return {
      ready,
      directory: runtime.directory(),
      databases: runtime.databases(),
      relay: runtime.relay(),
    }
  }

  ask(method: string, path: string): Promise<ControlAnswer> {
    return answerApp(this.#runtime, method, path)
  }

  async #start(): Promise<void> {
    const { request, log, told, signal } = this.#options
    const { start } = request
    const [definition, topology, { createRuntime }] = await Promise.all([
      importApp(start.app),
      told(),
      import('../../app/compose.ts'),
    ])
    this.#definition = definition
    signal.throwIfAborted()
    const clusters = clustersOf(topology, definition.options.name)
    if (request.prepares) {
      if (start.databases.length === 0) await ensureDatabases(clusters)
      const { placing, options } = definition
      await prepareData({ clusters, placing, migrations: options.migrations, log, signal })
    }
    // Another may have been told meanwhile.
    const runtime = createRuntime(definition, this.#runtimeOptions(definition, await told()))
    this.#runtime = runtime
    this.#releasers.push(() => runtime.stop())
    await runtime.start()
    if (request.prepares) await seedOnce(definition, runtime, clusters[0] as ClusterOptions)
    signal.throwIfAborted()
    if (request.tier === 'web') await this.#listen(runtime)
    if (request.runsJobs) await runtime.beginJobs()
  }

  #runtimeOptions(definition: AppDefinition, topology: Topology) {
    const { request, folder, log } = this.#options
    const clusters = clustersOf(topology, definition.options.name)
    return {
      ...runtimeSettings(request.start, folder, { clusters, log }),
      signingKeys: request.signingKeys.map((key) => Buffer.from(key, 'base64')),
      soleWorker: request.soleWorker,
      relay: { addresses: topology.relays.map((socketPath) => ({ socketPath })), name: request.id },
    }
  }

  async #listen(runtime: Runtime): Promise<void> {
    const { request, log } = this.#options
    const web = await openWeb({
      port: request.port,
      request: request.start,
      runtime,
      log,
      clock: systemClock,
    })
    this.#web = web
    this.#releasers.push(() => web.close())
  }
}
