/**
 * One leadership of a cluster's relay. Drawn from PostgreSQL under the lock, so that a later leader has a higher one,
 * whatever the clocks of the processes say.
 */
export interface Term {
  readonly timeline: number
  /** A transaction id of that timeline. */
  readonly xid: bigint
}

/** Whether `one` began before `other`. */
export const isBefore = (one: Term, other: Term): boolean =>
  one.timeline === other.timeline ? one.xid < other.xid : one.timeline < other.timeline
