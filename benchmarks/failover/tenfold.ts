import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { Agent, type IncomingHttpHeaders, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import type { SystemStatus } from '../../src/core/topology.ts'
import { type Contender, DEADLINE_MS } from './contender.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const APP = fileURLToPath(new URL('./app/app.ts', import.meta.url))
/** Milliseconds between two questions of whether all is well again. */
const POLL_MS = 20
const CONNECTIONS = 160

/** How the primary is lost. */
export type Loss = 'SIGKILL' | 'SIGSTOP' | 'restart'

/** `tenfold start --stage replicated`, as shipped, and a client of its HTTP API that sends each request once. */
export class Tenfold implements Contender {
  readonly name: string
  readonly rounds = 2
  readonly #loss: Loss
  #child: ChildProcess | undefined
  #dir = ''
  #consoleUrl = ''
  readonly #agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS })
  #port = 0
  /** Of each event that was acknowledged: what a client has to send to see it. */
  readonly #tokens = new Map<string, string>()

  constructor(name: string, loss: Loss) {
    this.name = name
    this.#loss = loss
  }

  async start(): Promise<void> {
    this.#dir = mkdtempSync(join(tmpdir(), 'tf-failover-'))
    this.#tokens.clear()
    const flags = ['--stage', 'replicated', '--port', '0', '--console-port', '0', '--data', this.#data]
    const child = spawn(process.execPath, ['bin/tenfold.js', 'start', APP, ...flags], {
      cwd: ROOT,
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    this.#child = child
    const [line] = (await once(createInterface({ input: child.stdout! }), 'line')) as [string]
    const [url, consoleUrl] = line.match(/http:\/\/[^\s,)]+/g) ?? []
    if (url === undefined || consoleUrl === undefined) throw new Error(`No address in: ${line}`)
    this.#port = Number(new URL(url).port)
    this.#consoleUrl = consoleUrl
    await this.redundant()
  }

  async write(id: string): Promise<void> {
    const headers = { 'idempotency-key': randomUUID(), 'tenfold-seen': '' }
    const answer = await this.#ask('POST', id, headers)
    if (answer.status !== 204) throw new Error(`${answer.status} ${answer.text.slice(0, 80)}`)
    const token = answer.headers['tenfold-seen']
    if (typeof token === 'string') this.#tokens.set(id, token)
  }

  async read(id: string): Promise<boolean> {
    const { status, text } = await this.#ask('GET', id, { 'tenfold-seen': this.#tokens.get(id) ?? '' })
    if (status !== 204 && status !== 404) throw new Error(`${status} ${text.slice(0, 80)}`)
    return status === 204
  }

  async killPrimary(): Promise<void> {
    const primary = (await this.#status()).nodes.find(({ role }) => role === 'primary')!
    if (this.#loss === 'SIGKILL') process.kill(primary.pid!, 'SIGKILL')
    else
      await this.#command(this.#loss === 'SIGSTOP' ? ['fault', 'pause', primary.id] : ['restart', primary.id])
    // Until it has been noticed, all is as it was.
    while ((await this.#status()).nodes.some(({ id, role }) => id === primary.id && role === 'primary'))
      await sleep(POLL_MS)
  }

  async redundant(): Promise<void> {
    for (;;) {
      const { state, durability } = await this.#status()
      if (state === 'ready' && durability?.c0?.standbys.length === 2) return
      await sleep(POLL_MS)
    }
  }

  async written(prefix: string): Promise<string[]> {
    const { nodes } = await this.#status()
    const { address } = nodes.find(({ role }) => role === 'primary')!
    const password = readFileSync(join(this.#data, 'pg', 'c0.tenfold', 'password'), 'utf8').trim()
    const client = new pg.Client({ host: address, user: 'tenfold', password, database: 'events_c0' })
    await client.connect()
    try {
      const { rows } = await client.query<{ id: string }>('select id from events where starts_with(id, $1)', [
        prefix,
      ])
      return rows.map(({ id }) => id)
    } finally {
      await client.end()
    }
  }

  async stop(): Promise<void> {
    this.#agent.destroy()
    const child = this.#child
    if (child === undefined) return
    this.#child = undefined
    const ended = once(child, 'exit')
    child.kill('SIGTERM')
    await ended
    rmSync(this.#dir, { recursive: true, force: true })
  }

  get #data(): string {
    return join(this.#dir, 'state')
  }

  #ask(
    method: 'GET' | 'POST',
    id: string,
    headers: Record<string, string>,
  ): Promise<{ status: number; headers: IncomingHttpHeaders; text: string }> {
    return new Promise((resolve, reject) => {
      const asked = request(
        { agent: this.#agent, host: '127.0.0.1', port: this.#port, path: `/events/${id}`, method, headers },
        (response) => {
          let text = ''
          response.setEncoding('utf8')
          response.on('data', (chunk: string) => {
            text += chunk
          })
          response.on('error', reject)
          response.on('end', () =>
            resolve({ status: response.statusCode ?? 0, headers: response.headers, text }),
          )
        },
      )
      asked.setTimeout(DEADLINE_MS, () => asked.destroy(new Error('no answer in time')))
      asked.on('error', reject)
      asked.end()
    })
  }

  async #status(): Promise<SystemStatus> {
    const response = await fetch(`${this.#consoleUrl}/api/status`)
    return (await response.json()) as SystemStatus
  }

  async #command(args: readonly string[]): Promise<void> {
    const child = spawn(process.execPath, ['bin/tenfold.js', ...args, '--data', this.#data], {
      cwd: ROOT,
      stdio: 'ignore',
    })
    await once(child, 'exit')
  }
}
