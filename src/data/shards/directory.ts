import { BUCKETS, type Placement } from '../../core/keys.ts'
import type { DirectoryStatus } from '../../core/topology.ts'

/** Which cluster owns each bucket, and in which epoch. Immutable; a refresh makes a new one. */
export interface Directory {
  readonly epoch: number
  /** Names of the clusters, in order. */
  readonly clusters: readonly string[]
  /** By bucket: index into `clusters`. */
  readonly owner: Uint16Array
  /** By bucket: the bucket's epoch, which the fence compares. */
  readonly bucketEpoch: Float64Array
}

/** A row of `tenfold.directory`. */
export interface DirectoryRow {
  readonly bucket: number
  readonly cluster: string
  readonly epoch: string
}

/** @throws RangeError when a bucket is missing or names an unknown cluster */
export function directoryOf(
  epoch: number,
  rows: readonly DirectoryRow[],
  clusters: readonly string[],
): Directory {
  const owner = new Uint16Array(BUCKETS)
  const bucketEpoch = new Float64Array(BUCKETS)
  if (rows.length !== BUCKETS)
    throw new RangeError(`The directory has ${rows.length} buckets instead of ${BUCKETS}`)
  for (const row of rows) {
    const at = clusters.indexOf(row.cluster)
    if (at < 0) throw new RangeError(`The directory names an unknown cluster: ${row.cluster}`)
    owner[row.bucket] = at
    bucketEpoch[row.bucket] = Number(row.epoch)
  }
  return { epoch, clusters, owner, bucketEpoch }
}

export function clusterOf(directory: Directory, { bucket }: Placement): string {
  return directory.clusters[directory.owner[bucket] as number] as string
}

/** Equal shares in contiguous ranges: bucket → index of its cluster, for a system that begins. */
export function initialOwner(bucket: number, clusters: number): number {
  return Math.floor((bucket * clusters) / BUCKETS)
}

export function directoryStatus({ epoch, clusters, owner }: Directory): DirectoryStatus {
  const ranges: Record<string, [number, number][]> = Object.fromEntries(clusters.map((name) => [name, []]))
  for (let bucket = 0; bucket < BUCKETS; bucket++) {
    const list = ranges[clusters[owner[bucket] as number] as string] as [number, number][]
    const last = list.at(-1)
    if (last && last[1] === bucket - 1) last[1] = bucket
    else list.push([bucket, bucket])
  }
  return { epoch, clusters: ranges, isolated: [] }
}
