import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { TestCluster } from '../../../src/data/failover/fixtures/cluster.ts'
import type { KeeperOptions } from '../../../src/data/failover/options.ts'
import { nodePlaces } from '../../../src/data/failover/places.ts'
import { DelayProxy } from '../kit/delay-proxy.ts'

const PORT = 5432

/** Ways of some length between the nodes of a cluster, one from each node. */
export interface Links {
  make(options: KeeperOptions): Promise<KeeperOptions['link']>
  /** The way from this node: what it has sent and nobody has received is lost with it. */
  from(id: string): DelayProxy
}

/** See `delay-proxy.ts` for why a loss test needs them. */
export function delayedLinks(t: TestContext, nodes: readonly string[], delayMs?: number): Links {
  const proxies = new Map<string, DelayProxy>()
  t.after(() => Promise.all([...proxies.values()].map((proxy) => proxy.close())))
  return {
    make: async (options) => {
      const dirOf = (id: string): string => join(options.runDir, '..', 'ways', id)
      for (const id of nodes) {
        const target = join(nodePlaces(options, id).runDir, `.s.PGSQL.${PORT}`)
        proxies.set(id, await DelayProxy.listen(dirOf(id), PORT, target, delayMs))
      }
      return (upstream, from) => ({ ...plain(upstream), socketDir: dirOf(from) })
    },
    from: (id) => proxies.get(id) as DelayProxy,
  }
}

/** The primary dies, and with it what it had sent. Resolves when another is primary. */
export async function losePrimary(cluster: TestCluster, links: Links): Promise<void> {
  const keeper = cluster.current()
  const { epoch, primary } = keeper.record
  const replaced = cluster.until('another is primary', (topology) => topology.epoch > epoch)
  links.from(primary).cut()
  keeper.fault(primary, 'kill')
  await replaced
  links.from(primary).mend()
}

/** A server's getters are not copied by a spread. */
const plain = ({ port, user, password, socketDir }: Parameters<NonNullable<KeeperOptions['link']>>[0]) => ({
  port,
  user,
  password,
  socketDir,
})
