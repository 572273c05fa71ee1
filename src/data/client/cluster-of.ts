import type { ClusterOptions, ConnectionOptions } from './types.ts'

/** A cluster of these servers, in any order; which of them is the primary, they are asked. */
export function clusterOf(
  name: string,
  servers: readonly [ConnectionOptions, ...ConnectionOptions[]],
): ClusterOptions {
  const members = servers.map((connection, at) => ({ id: `${name}-pg-${at + 1}`, connection }))
  return { name, connection: servers[0], ...(members.length > 1 && { members }) }
}
