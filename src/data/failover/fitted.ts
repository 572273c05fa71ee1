import type { ClusterRecord } from './record.ts'

/**
 * The standbys, those first that are needed most: one that is being promoted may be the primary already; one that runs is worth more
 * than one that does not; a word that counts more than none, and a copy that is not whole nothing.
 */
export function dearest(
  { nodes, primary, promoting, named, building }: ClusterRecord,
  runs: (id: string) => boolean = () => true,
): string[] {
  const rank = (id: string): number => {
    if (id === promoting?.id) return 0
    if (building.includes(id)) return 5
    return (named.includes(id) ? 1 : 2) + (runs(id) ? 0 : 2)
  }
  return nodes.filter((id) => id !== primary).toSorted((one, other) => rank(one) - rank(other))
}

/**
 * A record with as many replicas as are wanted: further ones are added under free names, superfluous ones taken out. A
 * standby that is taken out may be the only one that had something: then only the primary is certain to have everything.
 */
export function fitted(
  record: ClusterRecord,
  { name, replicas }: { readonly name: string; readonly replicas: number },
): { readonly record: ClusterRecord; readonly extra: readonly string[] } {
  const { primary, nodes, leaving = [] } = record
  const taken = [...nodes, ...leaving]
  const others = dearest(record)
  const kept = others.slice(0, replicas)
  const extra = others.slice(replicas)
  const names = Array.from({ length: taken.length + replicas + 1 }, (_, at) => `${name}-pg-${at + 1}`)
  const added = names.filter((id) => !taken.includes(id)).slice(0, replicas - kept.length)
  const stays = (id: string): boolean => !extra.includes(id)
  return {
    extra,
    record: {
      ...record,
      nodes: [primary, ...kept, ...added],
      synchronous: record.synchronous.every(stays) ? record.synchronous : [],
      named: record.named.filter(stays),
      // What lies in a folder of that name is of an earlier time.
      building: [...record.building.filter(stays), ...added],
    },
  }
}
