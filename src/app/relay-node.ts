import { createServer, type Server, type Socket } from 'node:net'
import { type Clock, systemClock } from '../core/clock.ts'
import { lifecycle, Releasers, type Service } from '../core/lifecycle.ts'
import type { Logger } from '../core/log.ts'
import { type RandomSource, systemRandom } from '../core/random.ts'
import type { SystemStatus } from '../core/topology.ts'
import type { ClusterMember, ClusterOptions } from '../data/client/types.ts'
import { followPrimaries, upkeepSessions } from '../data/index.ts'
import { accepted, Publisher, type RelayAddress, requireSecret } from '../effects/index.ts'
import { createMetrics } from '../telemetry/metrics.ts'
import { listen } from '../web/listen.ts'

/** Connections at the same time, at each address: far more than there are processes, far fewer than file descriptors. */
const CONNECTIONS_MAX = 1_000

export interface RelayNodeOptions {
  readonly clusters: readonly ClusterOptions[]
  /** Unix sockets, which only this user can open, and TCP, where port 0 takes a free one. */
  readonly listen: readonly RelayAddress[]
  /** 32 bytes or more, the same for all processes; over TCP it is required. What is sent is not encrypted. */
  readonly secret?: Buffer
  readonly log: Logger
  readonly clock?: Clock
  readonly random?: RandomSource
}

/**
 * A relay as a process of its own: a candidate for each cluster, and the leader of those whose lock it has. It needs no
 * application, and no database when it starts. Several may run; each subscriber connects to all of them.
 */
export interface RelayNode extends Service {
  /** Where it listens, once it has started; ports as they were taken. */
  readonly addresses: readonly RelayAddress[]
  /** The members of a cluster are these now, in whatever roles. */
  members(cluster: string, members: readonly ClusterMember[]): void
  status(): SystemStatus['relay']
  /** Prometheus text format. */
  metricsText(): Promise<string>
}

/**
 * Makes one; `start` rejects with AddressTaken or AddressRefused.
 * @throws RangeError when TCP has no secret, or the secret is too short
 */
export function createRelayNode(options: RelayNodeOptions): RelayNode {
  const { clusters, secret, log, clock = systemClock, random = systemRandom() } = options
  requireSecret(options.listen, secret)
  const metrics = createMetrics()
  const primaries = followPrimaries(clusters, { clock, log, metrics })
  const sessions = upkeepSessions(clusters, (ms, run) => clock.timer(ms, run), primaries)
  const publisher = new Publisher({ sessions, clock, random, secret, log, metrics })
  const channelOf = accepted()
  const accept = (socket: Socket): void => publisher.accept(channelOf(socket))
  const releasers = new Releasers()
  const addresses: RelayAddress[] = []
  const start = async (): Promise<void> => {
    releasers.push(() => publisher.stop())
    for (const address of options.listen) {
      const server = createServer(accept)
      server.maxConnections = CONNECTIONS_MAX
      await listen(server, 'socketPath' in address ? { ...address, own: true } : address, false)
      releasers.push(() => close(server))
      addresses.push('socketPath' in address ? address : { ...address, port: portOf(server) })
    }
    await publisher.start()
  }
  return {
    ...lifecycle(start, async () => {
      // The servers end when their connections have.
      await Promise.all([publisher.stop(), releasers.releaseAll()])
      await primaries.stop()
    }),
    addresses,
    members: (cluster, members) => primaries.setMembers(cluster, members),
    status: () => publisher.status(),
    metricsText: () => metrics.text(),
  }
}

const close = (server: Server): Promise<void> => new Promise((resolve) => server.close(() => resolve()))

function portOf(server: Server): number {
  const bound = server.address()
  return bound !== null && typeof bound === 'object' ? bound.port : 0
}
