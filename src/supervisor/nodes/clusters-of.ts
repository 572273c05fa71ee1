import type { ClusterOptions } from '../../data/client/types.ts'
import { databaseName } from '../clusters.ts'
import type { Topology } from './messages.ts'

/** The clusters of an application: its databases on the members. */
export function clustersOf({ clusters }: Topology, app: string): ClusterOptions[] {
  return clusters.map(({ name, primary, members, losses }) => {
    const reached = members.map(({ id, connection }) => ({
      id,
      connection: { database: databaseName(app, name), ...connection },
    }))
    const first = reached.find(({ id }) => id === primary) ?? reached[0]
    return { name, connection: first!.connection, members: reached, losses }
  })
}
