import type { SystemStore } from '../../core/ports.ts'
import { SWEEP_BATCH, sweepEverywhere } from '../../core/sweep.ts'

/** Deletes markers whose time is over; those of a job not before nothing can run that job again. */
export async function sweepMarkers(store: SystemStore): Promise<void> {
  await sweepEverywhere(store, 'markers', 'job is null and keep_until < now()')
  for (let found = SWEEP_BATCH; found >= SWEEP_BATCH; ) found = await sweepJobMarkers(store)
}

const OVERDUE =
  'select distinct job from tenfold.markers where job is not null and keep_until < now() limit $1'
const ALIVE = 'select id from tenfold.jobs where id = any ($1)'
/** They are looked at again later, so that a round always gets on to others. */
const KEEP = `update tenfold.markers set keep_until = now() + interval '1 hour' where job = any ($1) and keep_until < now()`
const DELETE = 'delete from tenfold.markers where job = any ($1) and keep_until < now()'

/**
 * A job on one cluster may have written on any: its markers go when no cluster has it any more, be it to run, or among the
 * dead that an operator may put in again. A job that is gone never comes back. @returns how many jobs were looked at
 */
async function sweepJobMarkers(store: SystemStore): Promise<number> {
  const overdue = new Set<string>()
  await store.everywhere(async (tx) => {
    for (const { job } of await tx.query<{ job: string }>(OVERDUE, [SWEEP_BATCH])) overdue.add(job)
  })
  if (overdue.size === 0) return 0
  const alive = new Set<string>()
  await store.everywhere(async (tx) => {
    for (const { id } of await tx.query<{ id: string }>(ALIVE, [[...overdue]])) alive.add(id)
  })
  await store.everywhere(async (tx) => {
    await tx.query(KEEP, [[...alive]])
    await tx.query(DELETE, [[...overdue.difference(alive)]])
  })
  return overdue.size
}
