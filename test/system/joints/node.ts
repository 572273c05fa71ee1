import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import { createRuntime } from '../../../src/app/compose.ts'
import type { Runtime } from '../../../src/app/runtime.ts'
import type { AppDefinition } from '../../../src/app/types.ts'
import { silentLogger } from '../../../src/core/log.ts'
import { type Lsn, parseLsn } from '../../../src/core/lsn.ts'
import type { ClusterOptions } from '../../../src/data/client/types.ts'
import type { CutProxy } from '../kit/cut-proxy.ts'
import { proxied } from '../kit/databases.ts'
import { type Bug, joints } from './app.ts'

/** Short, so that what a dead node held is taken over within the test. */
const JOB_TIMES = { lease: 400, heartbeat: 100, poll: 20, stop: 100, abort: 50, repair: 200 }

/**
 * One node of a system: the whole product, behind proxies towards each database. A crash takes the network away from
 * all that it had begun: nothing of it reaches a database or a client any more, whatever its code still does.
 */
export class ModelNode {
  readonly #t: TestContext
  readonly #clusters: readonly ClusterOptions[]
  #proxies: CutProxy[] = []
  #runtime: Runtime | undefined
  #server: Server | undefined
  #url = ''

  readonly #bug: Bug | undefined

  constructor(t: TestContext, clusters: readonly ClusterOptions[], bug?: Bug) {
    this.#t = t
    this.#bug = bug
    this.#clusters = clusters
  }

  get url(): string {
    return this.#url
  }

  async start(): Promise<void> {
    const through = await Promise.all(this.#clusters.map(({ connection }) => proxied(this.#t, connection)))
    this.#proxies = through.map(({ proxy }) => proxy)
    const runtime = createRuntime(joints(this.#bug) as unknown as AppDefinition, {
      clusters: through.map(({ connection }, at) => ({ name: `c${at}`, connection })),
      signingKeys: [Buffer.alloc(32, 'joints')],
      log: silentLogger,
      secureCookies: false,
      drainMs: 0,
      jobTimes: JOB_TIMES,
      connectionsMax: 4,
    })
    await runtime.start()
    const server = createServer(runtime.listener)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    this.#runtime = runtime
    this.#server = server
    this.#url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  }

  /** Of each cluster whose relay has led here: how old its position is. Whole milliseconds. */
  positionAges(): number[] {
    return Object.values(this.#runtime?.relay() ?? {}).flatMap(({ ageMs }) => ageMs ?? [])
  }

  /** Whether its relay leads a cluster, as far as it knows. */
  leads(cluster: string): boolean {
    return this.#runtime?.relay()[cluster]?.leads ?? false
  }

  /** How far its level is, if its relay has led. */
  position(cluster: string): Lsn | undefined {
    const position = this.#runtime?.relay()[cluster]?.position
    return position ? parseLsn(position) : undefined
  }

  /** What goes to its databases and comes from them is held, and nobody is told. */
  holdDatabases(): void {
    for (const proxy of this.#proxies) proxy.pause()
  }

  releaseDatabases(): void {
    for (const proxy of this.#proxies) proxy.resume()
  }

  /** Cuts the next conversation that commits, after so many bytes. */
  cut(cluster: number, side: 'request' | 'answer', after: number): void {
    const proxy = this.#proxies[cluster % this.#proxies.length]
    proxy?.arm({ side, after }, (chunk) => chunk.includes('commit') || chunk.includes('tenfold.markers'))
  }

  /** The network goes, and what was left behind it is cleared away in the background. */
  crash(): Promise<void> {
    const [proxies, runtime, server] = [this.#proxies, this.#runtime, this.#server]
    server?.closeAllConnections()
    const cut = Promise.all(proxies.map((proxy) => proxy.close()))
    server?.close()
    return cut.then(() => runtime?.stop())
  }
}
