import type { Clock } from '../core/clock.ts'
import type { Doubt, Effects, LocalFollower } from '../core/effects.ts'
import type { Logger } from '../core/log.ts'
import type { Position } from '../core/position.ts'
import type { Floors } from './floors.ts'
import type { History } from './history.ts'
import { WAITING_MAX, type Waiting } from './waiting.ts'

/**
 * Milliseconds after its time at which a transaction of unknown outcome has surely ended: the server ends it by
 * `transaction_timeout`, and one that does not know that refuses a COMMIT that comes later.
 */
const UNKNOWN_GRACE_MS = 5_000

/** What one cluster's commits of this process need. */
export interface LocalParts {
  readonly cluster: string
  readonly followers: readonly LocalFollower[]
  readonly floors: Floors
  readonly history: History
  readonly waiting: Waiting
  readonly clock: Clock
  readonly log: Logger
  /** A commit has left something to deliver; or, `given` to everyone in this process, the row of this marker to delete. */
  readonly nudge: (given?: string) => void
}

/** The commits of this process on one cluster: applied to its own levels before they are answered. */
export class LocalCommits {
  readonly #parts: LocalParts

  constructor(parts: LocalParts) {
    this.#parts = parts
  }

  begin(marker: string, effects: Effects): Doubt {
    const keys = effects.invalidate ?? []
    this.#hold(keys)
    let open = true
    const once = (settle: () => void): void => {
      if (!open) return
      open = false
      settle()
    }
    return {
      committed: (position) => once(() => this.#committed(marker, effects, position)),
      rolledBack: () => once(() => this.#release(keys)),
      unknown: (givenMs) => once(() => this.#wait(keys, givenMs + UNKNOWN_GRACE_MS)),
    }
  }

  replayed(marker: string, effects: Effects, position: Position | undefined): void {
    this.#hold(effects.invalidate ?? [])
    this.#committed(marker, effects, position)
  }

  #committed(marker: string, effects: Effects, position: Position | undefined): void {
    const { followers, floors, history, cluster, log, nudge } = this.#parts
    const keys = effects.invalidate ?? []
    // A position of an older history says nothing about what was loaded in this one.
    if (position === undefined || !history.admits(position.timeline)) {
      nudge()
      this.#wait(keys, 0)
      return
    }
    floors.remember(marker, position.lsn)
    try {
      for (const follower of followers) follower.apply(cluster, [{ effects, floor: position.lsn }])
      this.#release(keys)
      nudge(marker)
    } catch (err) {
      // The relay's row has to do it.
      floors.forget([marker])
      nudge()
      log.error({ err, cluster, marker }, 'a commit was not applied here; its keys stay in doubt')
      this.#wait(keys, 0)
    }
  }

  /** @param ms that must have passed before a pass counts as one that saw the row */
  #wait(keys: readonly string[], ms: number): void {
    const { waiting, history, clock } = this.#parts
    if (this.#parts.followers.length === 0) return
    waiting.add(keys, clock.monotonic() + ms)
    if (waiting.size <= WAITING_MAX) return
    // Without a relay here nobody ends them, and nobody uses what is stored: start anew instead.
    history.reset()
    waiting.releaseAll()
  }

  #hold(keys: readonly string[]): void {
    const { followers, cluster } = this.#parts
    if (keys.length > 0) for (const follower of followers) follower.hold(cluster, keys)
  }

  #release(keys: readonly string[]): void {
    const { followers, cluster } = this.#parts
    if (keys.length > 0) for (const follower of followers) follower.release(cluster, keys)
  }
}
