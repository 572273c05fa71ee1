import type { NodeStatus } from '../core/topology.ts'
import type { ClusterOptions } from '../data/client/types.ts'
import { addressOf } from './clusters.ts'
import type { NodeAnswer } from './nodes/messages.ts'

/**
 * Servers that are not ours, as an application node knows them.
 * @param known by cluster; undefined while none answers
 */
export function externalStatus(
  clusters: readonly ClusterOptions[],
  startedAt: string,
  known: NodeAnswer['databases'],
): NodeStatus[] {
  return clusters.flatMap(({ name, connection, members }) =>
    (members ?? [{ id: `${name}-pg-1`, connection }]).map((member): NodeStatus => {
      // One that is alone has no name of its own.
      const found = known?.[name]?.find(({ id }) => members === undefined || id === member.id)
      return {
        id: member.id,
        tier: 'data',
        cluster: name,
        ...(found?.role && { role: found.role }),
        pid: null,
        state: found === undefined ? 'suspect' : found.answers ? 'healthy' : 'down',
        address: addressOf(member.connection),
        startedAt,
      }
    }),
  )
}
