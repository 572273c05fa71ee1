import type { ClusterRecord } from './record.ts'

/** A name that no standby has: what a primary waits for that must not acknowledge anything on its own. */
const NOBODY = 'nobody'

/**
 * The standbys of which a node waits for one with each commit, by the record. A primary waits for those that are named; any
 * other node, if it was promoted, for nobody yet. Empty: it acknowledges alone.
 */
export function awaited(record: ClusterRecord, id: string): readonly string[] {
  const { primary, nodes, named, synchronous, durability } = record
  const isPrimary = id === primary
  // Where it was chosen, a primary without standbys waits for nobody; one that is to be one never acknowledges alone.
  const alone =
    nodes.length === 1 ||
    (durability === 'available' && isPrimary && named.length === 0 && synchronous.length === 0)
  if (alone) return []
  return isPrimary && named.length > 0 ? named : [NOBODY]
}
