import { mkdtempSync, rmSync } from 'node:fs'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ConnectionOptions } from '../../src/data/client/types.ts'

/**
 * Stands before PostgreSQL's socket and counts round trips: how often the client speaks after the server did.
 * Several messages in one go are one trip, as on a network.
 */
export class CountProxy {
  readonly connection: ConnectionOptions
  readonly #server: Server
  readonly #folder: string
  readonly #sockets = new Set<Socket>()
  trips = 0

  private constructor(server: Server, folder: string, connection: ConnectionOptions) {
    this.#server = server
    this.#folder = folder
    this.connection = connection
  }

  static async open(to: ConnectionOptions): Promise<CountProxy> {
    const folder = mkdtempSync(join(tmpdir(), 'tenfold-count-'))
    const server = createServer()
    const proxy = new CountProxy(server, folder, { ...to, host: folder })
    const target = join(to.host, `.s.PGSQL.${to.port}`)
    server.on('connection', (client) => proxy.#join(client, connect(target)))
    await new Promise<void>((resolve) => server.listen(join(folder, `.s.PGSQL.${to.port}`), resolve))
    return proxy
  }

  #join(client: Socket, server: Socket): void {
    let speaks: 'client' | 'server' = 'server'
    client.on('data', (chunk) => {
      if (speaks === 'server') this.trips++
      speaks = 'client'
      server.write(chunk)
    })
    server.on('data', (chunk) => {
      speaks = 'server'
      client.write(chunk)
    })
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#sockets.add(one)
      one.on('error', () => {})
      one.on('close', () => {
        this.#sockets.delete(one)
        other.destroy()
      })
    }
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise<void>((resolve) => this.#server.close(() => resolve()))
    rmSync(this.#folder, { recursive: true, force: true })
  }
}
