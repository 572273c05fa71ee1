/** A load, for those who look whether two wait for each other. */
export interface Waiter<W> {
  /** Loads that it waits for: those that were asked for from inside it. */
  readonly waitsFor: Set<W>
}

/** From now on `outer` waits for `inner`, until that is done. */
export function waits<W extends Waiter<W>>(outer: W, inner: W, done: Promise<unknown>): void {
  outer.waitsFor.add(inner)
  const over = (): void => void outer.waitsFor.delete(inner)
  done.then(over, over)
}

/** Whether `from` is `to`, or waits for it, directly or through others. */
export function reaches<W extends Waiter<W>>(from: W, to: W): boolean {
  const seen = new Set([from])
  for (const load of seen) {
    if (load === to) return true
    for (const next of load.waitsFor) seen.add(next)
  }
  return false
}
