import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { silentLogger } from '../../../src/core/log.ts'
import type { ClusterOptions } from '../../../src/data/client/types.ts'
import { connectionTo } from '../../../src/data/postgres/address.ts'
import { createDatabase } from '../../../src/data/postgres/database.ts'
import type { PostgresServer } from '../../../src/data/postgres/index.ts'
import { prepareData } from '../../../src/data/prepare.ts'
import type { RelayAddress } from '../../../src/effects/index.ts'
import app from '../cache/app.ts'
import { until } from '../kit/deadline.ts'
import { type Scratch, scratch } from '../postgres/kit.ts'
import { RelayProcess, WebProcess } from './processes.ts'

const SECRET = 'only the processes of this test know'
const WEBS = 2
/** What a level that is asked now may be behind, at most. Milliseconds. */
const BOUND_MS = 1_000

/** Two web processes and two relays on a real PostgreSQL, each a process of its own. */
export class SplitSystem {
  readonly webs: WebProcess[] = []
  readonly relays: RelayProcess[] = []
  readonly clusters: readonly ClusterOptions[]
  readonly #t: TestContext
  readonly #place: Scratch
  readonly #addresses: RelayAddress[] = []
  #server: PostgresServer

  private constructor(
    t: TestContext,
    place: Scratch,
    server: PostgresServer,
    clusters: readonly ClusterOptions[],
  ) {
    this.#t = t
    this.#place = place
    this.#server = server
    this.clusters = clusters
  }

  static async start(t: TestContext, count: number): Promise<SplitSystem> {
    const place = scratch(t)
    const server = place.server()
    await server.start()
    const clusters = Array.from({ length: count }, (_, at) => ({
      name: `c${at}`,
      connection: connectionTo(server, `relay_c${at}`),
    }))
    for (const { connection } of clusters) await createDatabase(server, connection.database)
    const { migrations } = app.options
    await prepareData({ clusters, placing: app.placing, migrations, log: silentLogger })
    const system = new SplitSystem(t, place, server, clusters)
    const folder = mkdtempSync(join(tmpdir(), 'tf-relays-'))
    t.after(() => rmSync(folder, { recursive: true, force: true }))
    mkdirSync(join(folder, 'sockets'))
    chmodSync(join(folder, 'sockets'), 0o700)
    // One of each kind.
    for (const listen of [{ socketPath: join(folder, 'sockets', 'relay') }, { port: 0 }]) {
      const relay = await system.#startRelay(listen)
      system.relays.push(relay)
      system.#addresses.push(relay.address)
    }
    for (let at = 0; at < WEBS; at++) system.webs.push(await system.#startWeb())
    await system.followed()
    return system
  }

  /** A web process to ask, another each time. */
  url(at: number): string {
    return this.webs[at % this.webs.length]!.url
  }

  /** The relay that leads all clusters, or most of them. */
  async leader(): Promise<RelayProcess> {
    return until('a relay leads', async () => {
      for (const relay of this.relays)
        if (!relay.stopped && Object.values(await relay.status()).some(({ leads }) => leads)) return relay
      return undefined
    })
  }

  /** Resolves when every level may answer again, and the relays go on. */
  async followed(): Promise<void> {
    for (const web of this.webs)
      await until('a web process follows', async () => {
        const clusters = Object.values(await web.relay())
        return clusters.every(({ ageMs }) => ageMs !== null && ageMs < BOUND_MS) || undefined
      })
  }

  async killRelay(relay: RelayProcess): Promise<() => Promise<void>> {
    const at = this.relays.indexOf(relay)
    await relay.kill()
    relay.stopped = true
    return async () => {
      this.relays[at] = await this.#startRelay(relay.address)
    }
  }

  async replaceWeb(at: number): Promise<void> {
    const next = await this.#startWeb()
    const former = this.webs[at % this.webs.length]!
    this.webs[at % this.webs.length] = next
    await former.kill()
  }

  async killPostgres(): Promise<void> {
    process.kill(this.#server.pid as number, 'SIGKILL')
    await this.#server.exited
    await this.#server.stop()
    this.#server = this.#place.server()
    await this.#server.start()
  }

  #startRelay(listen: RelayAddress): Promise<RelayProcess> {
    return RelayProcess.start(this.#t, { clusters: this.clusters, listen, secret: SECRET })
  }

  #startWeb(): Promise<WebProcess> {
    const { clusters } = this
    return WebProcess.start(this.#t, { clusters, relay: { addresses: this.#addresses, secret: SECRET } })
  }
}
