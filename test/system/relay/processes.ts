import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { SystemStatus } from '../../../src/core/topology.ts'
import type { ClusterOptions } from '../../../src/data/client/types.ts'
import type { RelayAddress } from '../../../src/effects/index.ts'
import { within } from '../kit/deadline.ts'

export interface WebOptions {
  readonly clusters: readonly ClusterOptions[]
  /** None: a relay of its own. */
  readonly relay?: { readonly addresses: readonly RelayAddress[]; readonly secret?: string }
}

export interface RelayProcessOptions {
  readonly clusters: readonly ClusterOptions[]
  readonly listen: RelayAddress
  readonly secret?: string
}

/** A process that says things, one a line. */
export class Talking<Line> {
  readonly child: ChildProcess
  readonly ended: Promise<void>
  readonly #lines: Line[] = []
  #arrived = Promise.withResolvers<void>()

  constructor(t: TestContext, script: string, options: object) {
    const path = fileURLToPath(new URL(script, import.meta.url))
    const args = ['--conditions=tenfold-source', path, JSON.stringify(options)]
    this.child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] })
    this.child.stdin?.on('error', () => {}) // it was killed
    this.ended = new Promise((resolve) => this.child.once('close', () => resolve()))
    t.after(() => this.kill())
    createInterface({ input: this.child.stdout! }).on('line', (text) => {
      this.#lines.push(JSON.parse(text) as Line)
      this.#arrived.resolve()
      this.#arrived = Promise.withResolvers()
    })
  }

  async line(what: string): Promise<Line> {
    const take = async (): Promise<Line> => {
      while (this.#lines.length === 0) await this.#arrived.promise
      return this.#lines.shift()!
    }
    return within(take(), what)
  }

  async kill(): Promise<void> {
    this.child.kill('SIGKILL')
    await this.ended
  }
}

/** The process of web.ts. */
export class WebProcess {
  readonly url: string
  readonly #talking: Talking<{ url: string }>

  private constructor(talking: Talking<{ url: string }>, url: string) {
    this.#talking = talking
    this.url = url
  }

  static async start(t: TestContext, options: WebOptions): Promise<WebProcess> {
    const talking = new Talking<{ url: string }>(t, './web.ts', options)
    return new WebProcess(talking, (await talking.line('a web process')).url)
  }

  /** Reads of `cached`, by how they ended. */
  async reads(): Promise<Record<string, number>> {
    const text = await (await fetch(`${this.url}/metrics`)).text()
    const counts = [...text.matchAll(/^cache_reads_total\{result="(\w+)"\} (\d+)$/gm)]
    return Object.fromEntries(counts.map(([, result, count]) => [result, Number(count)]))
  }

  async relay(): Promise<SystemStatus['relay']> {
    return (await (await fetch(`${this.url}/relay`)).json()) as SystemStatus['relay']
  }

  stop(): void {
    this.#talking.child.kill('SIGSTOP')
  }

  thaw(): void {
    this.#talking.child.kill('SIGCONT')
  }

  kill(): Promise<void> {
    return this.#talking.kill()
  }
}

/** What relay.ts says. */
interface RelayLine {
  readonly addresses: readonly RelayAddress[]
  readonly status: SystemStatus['relay']
  /** Processes that are connected. */
  readonly subscribers: number
}

/** The process of relay.ts. */
export class RelayProcess {
  readonly address: RelayAddress
  stopped = false
  readonly #talking: Talking<RelayLine>

  private constructor(talking: Talking<RelayLine>, address: RelayAddress) {
    this.#talking = talking
    this.address = address
  }

  static async start(t: TestContext, options: RelayProcessOptions): Promise<RelayProcess> {
    const talking = new Talking<RelayLine>(t, './relay.ts', options)
    const { addresses } = await talking.line('a relay process')
    return new RelayProcess(talking, addresses[0]!)
  }

  async status(): Promise<SystemStatus['relay']> {
    return (await this.#ask()).status
  }

  async subscribers(): Promise<number> {
    return (await this.#ask()).subscribers
  }

  #ask(): Promise<RelayLine> {
    this.#talking.child.stdin?.write('status\n')
    return this.#talking.line('the status of a relay')
  }

  /** Whether it leads each of these. */
  async leads(clusters: readonly ClusterOptions[]): Promise<boolean> {
    const status = await this.status()
    return clusters.every(({ name }) => status[name]?.leads)
  }

  stop(): void {
    this.stopped = true
    this.#talking.child.kill('SIGSTOP')
  }

  thaw(): void {
    this.stopped = false
    this.#talking.child.kill('SIGCONT')
  }

  kill(): Promise<void> {
    return this.#talking.kill()
  }
}
