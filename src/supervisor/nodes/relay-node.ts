import { createRelayNode, type RelayNode } from '../../app/relay-node.ts'
import { systemClock } from '../../core/clock.ts'
import { lifecycle } from '../../core/lifecycle.ts'
import { prepareSocketFolder, socketPathOf } from '../control-path.ts'
import { clustersOf } from './clusters-of.ts'
import type { Topology } from './messages.ts'
import type { NodePart, NodePartOptions } from './node-part.ts'

/** Where the processes of an application find a relay. */
export const relaySocketPath = (stateFolder: string, id: string): string =>
  socketPathOf(stateFolder, `${id}-stream.sock`)

/** A relay node: leads the relays of the clusters for all processes. It needs no application. */
export function createRelayPart({ request, log, told }: NodePartOptions): NodePart {
  let relay: RelayNode | undefined
  let app: string | undefined
  const socketPath = relaySocketPath(request.start.stateFolder, request.id)
  const start = async (): Promise<void> => {
    const topology = await told()
    app = topology.app ?? ''
    prepareSocketFolder(socketPath)
    relay = createRelayNode({
      clusters: clustersOf(topology, app),
      listen: [{ socketPath }],
      log,
      clock: systemClock,
    })
    await relay.start()
  }
  return {
    ...lifecycle(start, async () => relay?.stop()),
    url: `unix:${socketPath}`,
    port: 0,
    app: undefined,
    topology: (topology: Topology) => {
      if (app === undefined) return
      for (const { name, members } of clustersOf(topology, app)) relay?.members(name, members ?? [])
    },
    renew: () => {},
    hurry: () => {},
    status: async () => ({ ready: relay !== undefined, relay: relay?.status() ?? {} }),
    ask: async (_method, path) =>
      path === '/metrics'
        ? { status: 200, body: (await relay?.metricsText()) ?? '' }
        : { status: 404, body: { title: 'There is no such page' } },
  }
}
