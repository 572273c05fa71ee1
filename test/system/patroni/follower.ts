import type { AddressInfo } from 'node:net'
import { createConnection, createServer, type Socket } from 'node:net'
import type { TestContext } from 'node:test'
import type { ConnectionOptions } from '../../../src/data/client/types.ts'
import type { PatroniCluster } from './kit.ts'

/**
 * One address for whoever is the primary, as HAProxy with Patroni's health checks gives it: connections go to the member
 * that leads when they are made, and end when it does not lead any more.
 */
export async function followPrimary(t: TestContext, cluster: PatroniCluster): Promise<ConnectionOptions> {
  const open = new Map<Socket, number>()
  let leader: number | undefined
  const unwatch = cluster.watch((at) => {
    leader = at
    for (const [socket, member] of open) if (member !== at) socket.destroy()
  })
  const proxy = createServer((client) => {
    const member = leader
    client.on('error', () => {})
    if (member === undefined) {
      client.destroy()
      return
    }
    const { host, port } = cluster.connections[member]!
    const server = createConnection({ host, port, noDelay: true })
    server.on('error', () => {})
    client.setNoDelay(true)
    open.set(client, member)
    client.pipe(server).pipe(client)
    server.on('close', () => client.destroy())
    client.on('close', () => {
      open.delete(client)
      server.destroy()
    })
  })
  proxy.listen(0, '127.0.0.1')
  await new Promise((resolve) => proxy.once('listening', resolve))
  t.after(async () => {
    await unwatch()
    for (const socket of open.keys()) socket.destroy()
    await new Promise((resolve) => proxy.close(resolve))
  })
  return { ...cluster.connections[0]!, port: (proxy.address() as AddressInfo).port }
}
