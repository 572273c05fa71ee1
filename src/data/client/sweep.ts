import type { SystemStore } from '../../core/ports.ts'

/** Markers deleted in one transaction: small, so that no sweep holds anything up. */
const BATCH = 500

/** Deletes markers whose time is over, on every cluster, until none is left. */
export async function sweepMarkers(store: SystemStore): Promise<void> {
  for (let swept = BATCH; swept >= BATCH; ) {
    swept = 0
    await store.everywhere(async (tx) => {
      const [row] = await tx.query<{ swept: number }>(
        `with old as (select ctid from tenfold.markers where keep_until < now() limit $1 for update skip locked),
           gone as (delete from tenfold.markers where ctid in (select ctid from old) returning 1)
         select count(*)::int as swept from gone`,
        [BATCH],
      )
      swept = Math.max(swept, Number(row?.swept ?? 0))
    })
  }
}
