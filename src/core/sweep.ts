import type { SystemStore } from './ports.ts'

/** Rows deleted in one transaction: few, so that no sweep holds anything up. */
export const SWEEP_BATCH = 500

/**
 * Deletes on every cluster, a batch at a time, until a round finds less than a full one.
 *
 * @param table of the schema `tenfold`
 * @param over when a row's time is over, as SQL; further parameters are `$2`, `$3`, …
 */
export async function sweepEverywhere(
  store: SystemStore,
  table: string,
  over: string,
  params: readonly unknown[] = [],
): Promise<void> {
  const sql = `with old as (select ctid from tenfold.${table} where ${over} limit $1 for update skip locked),
      gone as (delete from tenfold.${table} where ctid in (select ctid from old) returning 1)
    select count(*)::int as swept from gone`
  for (let swept = SWEEP_BATCH; swept >= SWEEP_BATCH; ) {
    swept = 0
    await store.everywhere(async (tx) => {
      const [row] = await tx.query<{ swept: number }>(sql, [SWEEP_BATCH, ...params])
      swept = Math.max(swept, Number(row?.swept ?? 0))
    })
  }
}
