import type { Followers } from './followers.ts'

/** Which history of a cluster its followers are in. LSNs of different timelines are never compared. */
export class History {
  readonly #followers: Followers
  readonly #onNew: () => void
  #timeline = 0

  /** @param onNew what was known of the old history means nothing any more */
  constructor(followers: Followers, onNew: () => void) {
    this.#followers = followers
    this.#onNew = onNew
  }

  /** Whether positions of this timeline may be used. The first sign of a later one empties all followers. */
  admits(timeline: number): boolean {
    if (timeline > this.#timeline) {
      const first = this.#timeline === 0
      this.#timeline = timeline
      if (!first) this.reset()
    }
    return timeline === this.#timeline
  }

  /** Something may have been missed: what followers hold cannot be trusted. */
  reset(): void {
    this.#onNew()
    this.#followers.reset()
  }
}
