import { BUCKETS } from '../../core/keys.ts'
import type { Queryable } from '../../core/ports.ts'
import { ClusterMistaken, PlacementMismatch } from '../errors.ts'
import { type Directory, type DirectoryRow, directoryOf, initialOwner } from './directory.ts'

/** A cluster to be placed: its name and a connection on which transactions may be run. */
export interface PlacedCluster {
  readonly name: string
  readonly db: Queryable
}

/**
 * Gives every bucket an owner when the system begins: each cluster opens its buckets, then the directory on the
 * home cluster is written, in one statement. Run again after a crash, it completes what is missing.
 *
 * @throws PlacementMismatch when the directory names other clusters than those given
 * @throws ClusterMistaken when a database is another cluster than the one it is given for
 */
export async function placeBuckets(clusters: readonly PlacedCluster[]): Promise<void> {
  const names = clusters.map(({ name }) => name)
  const home = (clusters[0] as PlacedCluster).db
  const placed = await home.query<{ cluster: string }>(
    'select distinct cluster from tenfold.directory order by cluster',
  )
  if (placed.length > 0) {
    refuseOthers(
      placed.map((row) => row.cluster),
      names,
    )
    await Promise.all(clusters.map((cluster) => refuseMistaken(cluster)))
    return
  }
  // Decided once: where a bucket is open and where the directory sends its writes must never differ.
  const owners = Array.from({ length: BUCKETS }, (_, bucket) => names[initialOwner(bucket, names.length)])
  for (const [at, { name, db }] of clusters.entries()) {
    const known = await db.query<{ name: string }>(
      'insert into tenfold.cluster (name, home) values ($1, $2) on conflict (single) do update set home = tenfold.cluster.home returning name',
      [name, at === 0],
    )
    if (known[0] && known[0].name !== name) throw new ClusterMistaken(name, known[0].name)
    const mine = owners.flatMap((owner, bucket) => (owner === name ? [bucket] : []))
    await db.query('insert into tenfold.buckets (bucket) select unnest($1::int[]) on conflict do nothing', [
      mine,
    ])
  }
  await home.query(
    `with epoch as (insert into tenfold.directory_epoch (epoch) values (1) on conflict do nothing)
     insert into tenfold.directory (bucket, cluster)
     select place - 1, cluster from unnest($1::text[]) with ordinality as owners (cluster, place) on conflict do nothing`,
    [owners],
  )
}

/** Loads the directory from the home cluster. @throws PlacementMismatch */
export async function loadDirectory(home: Queryable, clusters: readonly string[]): Promise<Directory> {
  const [epoch] = await home.query<{ epoch: string }>('select epoch from tenfold.directory_epoch')
  const rows = await home.query<DirectoryRow>(
    'select bucket, cluster, epoch from tenfold.directory order by bucket',
  )
  refuseOthers([...new Set(rows.map((row) => row.cluster))].sort(), clusters)
  return directoryOf(Number(epoch?.epoch ?? 0), rows, clusters)
}

function refuseOthers(found: readonly string[], given: readonly string[]): void {
  if (found.some((name) => !given.includes(name)) || given.some((name) => !found.includes(name)))
    throw new PlacementMismatch(found, given)
}

/** The directory is written last, so that each cluster has its name when there is a directory. */
async function refuseMistaken({ name, db }: PlacedCluster): Promise<void> {
  const [known] = await db.query<{ name: string }>('select name from tenfold.cluster')
  if (known?.name !== name) throw new ClusterMistaken(name, known?.name)
}
