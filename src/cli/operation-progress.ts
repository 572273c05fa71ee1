import type { SystemStatus } from '../core/topology.ts'
import { say } from './output.ts'

/** Tells who waits for an operation which nodes are not there yet. */
export function sayProgress({ nodes, state }: SystemStatus): void {
  const open = nodes.filter((node) => node.state !== 'healthy').map((node) => `${node.id} ${node.state}`)
  say(`tenfold: at it still; the system is ${state}${open.length > 0 ? `: ${open.join(', ')}` : ''}`)
}
