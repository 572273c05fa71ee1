import { once } from 'node:events'
import { chmodSync, mkdirSync } from 'node:fs'
import { createConnection, createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { systemClock } from '../../../src/core/clock.ts'

/**
 * Stands between a primary and its standbys and delivers every byte so much later, in order. On one machine the kernel
 * delivers what a killed process has sent, so nothing is ever lost on the way: a loss test needs a way on which things can be lost.
 */
export class DelayProxy {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  readonly #target: string
  readonly #delayMs: number
  #cut = false
  /** What standbys have said and the primary does not hear yet, in order; undefined while it hears all. */
  #held: (() => void)[] | undefined
  readonly #refusing = new Set<() => void>()

  private constructor(server: Server, target: string, delayMs: number) {
    this.#server = server
    this.#target = target
    this.#delayMs = delayMs
    server.on('connection', (client) => this.#accept(client))
  }

  /** @param dir gets a socket of PostgreSQL's name, which anybody may use */
  static async listen(dir: string, port: number, target: string, delayMs = 2): Promise<DelayProxy> {
    mkdirSync(dir, { recursive: true })
    chmodSync(dir, 0o755)
    const path = join(dir, `.s.PGSQL.${port}`)
    const server = createServer({ noDelay: true })
    const proxy = new DelayProxy(server, target, delayMs)
    server.listen(path)
    await once(server, 'listening')
    chmodSync(path, 0o777)
    return proxy
  }

  /** Everything that is on its way is lost, and nothing passes any more until {@link mend}. */
  cut(): void {
    this.#cut = true
    for (const socket of this.#sockets) socket.destroy()
  }

  mend(): void {
    this.#cut = false
  }

  /** The primary hears nothing of its standbys any more, while they get all that it sends, until {@link release}. */
  hold(): void {
    this.#held ??= []
  }

  release(): void {
    const held = this.#held?.splice(0) ?? []
    this.#held = undefined
    for (const send of held) send()
  }

  /** Resolves when somebody has been refused. */
  refused(): Promise<void> {
    return new Promise((resolve) => this.#refusing.add(resolve))
  }

  async close(): Promise<void> {
    this.cut()
    const closed = once(this.#server, 'close')
    this.#server.close()
    await closed
  }

  #accept(client: Socket): void {
    if (this.#cut) {
      client.destroy()
      for (const tell of this.#refusing) tell()
      this.#refusing.clear()
      return
    }
    const server = createConnection(this.#target)
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#sockets.add(from)
      const send = (chunk: Buffer) => () => void (to.destroyed || to.write(chunk))
      from.on('data', (chunk) =>
        systemClock.timer(this.#delayMs, () => {
          if (this.#held && to === server) this.#held.push(send(chunk))
          else send(chunk)()
        }),
      )
      from.on('error', () => from.destroy())
      from.on('close', () => {
        this.#sockets.delete(from)
        systemClock.timer(this.#delayMs, () => to.destroy())
      })
    }
  }
}
