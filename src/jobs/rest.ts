/** How many times as long as something took it rests, so that it has about one twentieth of the time. */
const SHARE = 20

/**
 * Milliseconds until what took `tookMs` is done again. It takes long under an old snapshot, whose dead index entries it has to
 * pass; but one that waited for a failover took long, too, and others wait for the next: hence the longest.
 */
export const restMs = (tookMs: number, least: number, longest: number): number =>
  Math.max(least, Math.min(longest, tookMs * SHARE))
