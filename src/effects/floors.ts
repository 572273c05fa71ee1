import type { Lsn } from '../core/lsn.ts'

/** Markers kept, at most: about one second of commits. A forgotten one gets a higher floor, which costs misses. */
const MARKERS_MAX = 10_000

/**
 * The floors that commits of this process raised themselves. The relay reads the same rows a little later; a floor
 * of its own would be higher than need be and refuse what was loaded between.
 */
export class Floors {
  readonly #byMarker = new Map<string, Lsn>()

  remember(marker: string, floor: Lsn): void {
    this.#byMarker.set(marker, floor)
    if (this.#byMarker.size <= MARKERS_MAX) return
    const [oldest] = this.#byMarker.keys()
    if (oldest !== undefined) this.#byMarker.delete(oldest)
  }

  of(marker: string): Lsn | undefined {
    return this.#byMarker.get(marker)
  }

  forget(markers: readonly string[]): void {
    for (const marker of markers) this.#byMarker.delete(marker)
  }

  /** Positions of another history mean nothing any more. */
  clear(): void {
    this.#byMarker.clear()
  }
}
