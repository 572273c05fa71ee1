import type { Clock } from '../core/clock.ts'
import type { DeliveredEffects, Follower, FollowerPosition, LocalFollower } from '../core/effects.ts'
import type { Logger } from '../core/log.ts'

/** Milliseconds that a follower may take for a batch: half of the age at which levels are bypassed. */
const APPLY_MS_MAX = 500
const RETRY_MS_MIN = 100
const RETRY_MS_MAX = 5_000

export const isLocal = (follower: Follower): follower is LocalFollower => 'hold' in follower

interface Following {
  readonly follower: Follower
  /** Consecutive failures; above 0 it has missed something and gets no positions. */
  failures: number
  /** Monotonic milliseconds. */
  retryAt: number
}

/** Behind, and tried again with the next pass. */
const NEWCOMER = { failures: 1, retryAt: 0 } as const

/** Since it failed, a pass over everything has begun, in which it has not failed. */
const isRetrying = ({ retryAt }: Following): boolean => retryAt === Number.NEGATIVE_INFINITY
const takesPart = (following: Following): boolean => following.failures === 0 || isRetrying(following)

/** Those who follow one cluster. Each that fails is left behind until it has been given everything again. */
export class Followers {
  readonly #cluster: string
  readonly #clock: Clock
  readonly #log: Logger
  #all: readonly Following[]

  constructor(
    cluster: string,
    followers: readonly Follower[],
    { clock, log }: { clock: Clock; log: Logger },
  ) {
    this.#cluster = cluster
    this.#clock = clock
    this.#log = log
    this.#all = followers.map((follower) => ({ follower, failures: 0, retryAt: 0 }))
  }

  get size(): number {
    return this.#all.length
  }

  /** Whether all of them are in this process: what it commits itself they have before the relay sees it. */
  get allLocal(): boolean {
    return this.#all.every(({ follower }) => isLocal(follower))
  }

  /**
   * One more, which has nothing yet: it takes part from the next pass on, over everything, and nothing that is delivered
   * until then is deleted.
   */
  add(follower: Follower): void {
    this.#all = [...this.#all, { follower, ...NEWCOMER }]
  }

  /** It is gone: nothing is kept for it, as it starts anew when it comes again. */
  remove(follower: Follower): void {
    this.#all = this.#all.filter((following) => following.follower !== follower)
  }

  /** Whether everyone has all that was delivered so far. */
  get complete(): boolean {
    return this.#all.every(({ failures }) => failures === 0)
  }

  /** Whether the ones in this process have it. */
  get localComplete(): boolean {
    return this.#all.every(({ follower, failures }) => failures === 0 || !isLocal(follower))
  }

  /** Whether one that was left behind should be tried again, with everything that is there. */
  get retryDue(): boolean {
    const now = this.#clock.monotonic()
    return this.#all.some(({ failures, retryAt }) => failures > 0 && retryAt <= now)
  }

  /** Tries those that were left behind again: they take part until they fail. */
  retry(): void {
    const now = this.#clock.monotonic()
    for (const following of this.#all)
      if (following.retryAt <= now) following.retryAt = Number.NEGATIVE_INFINITY
  }

  /**
   * Gives a batch to all that take part, side by side.
   * @returns whether everyone has taken it: only then may it be deleted
   */
  async apply(batch: readonly DeliveredEffects[]): Promise<boolean> {
    if (batch.length === 0) return true
    const slow = this.#all.flatMap((following) => this.#applyTo(following, batch) ?? [])
    if (slow.length > 0) await Promise.all(slow)
    return this.#all.every(takesPart)
  }

  /** A pass over everything has ended: who did not fail in it is complete again. */
  caughtUp(): void {
    for (const following of this.#all) if (isRetrying(following)) following.failures = 0
  }

  advance(position: FollowerPosition): void {
    for (const { follower, failures } of this.#all)
      if (failures === 0) follower.advance(this.#cluster, position)
  }

  /** Everyone starts anew; who was left behind, too. */
  reset(): void {
    for (const following of this.#all) {
      following.retryAt = Number.NEGATIVE_INFINITY
      following.follower.reset(this.#cluster)
    }
  }

  /** Undefined when it was done at once. */
  #applyTo(following: Following, batch: readonly DeliveredEffects[]): Promise<void> | undefined {
    if (!takesPart(following)) return undefined
    try {
      const applied = following.follower.apply(this.#cluster, batch)
      if (applied === undefined) return undefined
      return this.#within(applied).catch((error: unknown) => this.#failed(following, error))
    } catch (error) {
      this.#failed(following, error)
      return undefined
    }
  }

  async #within(applied: Promise<void>): Promise<void> {
    const over = new AbortController()
    const late = this.#clock.sleep(APPLY_MS_MAX, { signal: over.signal }).then(
      () => {
        throw new Error(`It took more than ${APPLY_MS_MAX} ms`)
      },
      () => {},
    )
    try {
      await Promise.race([applied, late])
    } finally {
      over.abort()
    }
  }

  #failed(following: Following, error: unknown): void {
    if (following.follower.cutOff) {
      following.follower.cutOff(error instanceof Error ? error.message : String(error))
      return
    }
    const waitMs = Math.min(RETRY_MS_MAX, RETRY_MS_MIN * 2 ** Math.min(following.failures, 10))
    following.failures++
    following.retryAt = this.#clock.monotonic() + waitMs
    this.#log.warn(
      { err: error, cluster: this.#cluster, follower: following.follower.name, waitMs },
      'a follower did not take effects; they are kept and delivered to it again',
    )
  }
}
