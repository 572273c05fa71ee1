import type { DeliveredEffects, FollowerPosition, LocalFollower } from '../../../src/core/effects.ts'
import type { Position } from '../../../src/core/position.ts'

/** A commit whose position was told to somebody. */
interface Acknowledged {
  readonly key: string
  /** Counted with the resets of followers: what began later must be delivered. */
  readonly begun: number
  readonly position: Position
}

/**
 * Judges positions while they are published: a follower that is strictly past the position of an acknowledged commit
 * must have been given its effects, unless it has started anew since the transaction began.
 */
export class PositionChecker {
  readonly violations: string[] = []
  acknowledged = 0
  checked = 0
  readonly followers: CheckedFollower[] = []
  #step = 0
  readonly #waiting: (() => void)[] = []

  follower(name: string): CheckedFollower {
    const follower = new CheckedFollower(name, this)
    this.followers.push(follower)
    return follower
  }

  /** It has stopped: nothing more is delivered to it, and what it waits for would be gone through with each commit. */
  dismiss(follower: CheckedFollower): void {
    this.followers.splice(this.followers.indexOf(follower), 1)
  }

  step(): number {
    return ++this.#step
  }

  acknowledge(cluster: string, commit: Acknowledged): void {
    this.acknowledged++
    for (const follower of this.followers) follower.expect(cluster, commit)
    for (const look of [...this.#waiting]) look()
  }

  /** Resolves when so many commits more have been acknowledged. */
  progress(commits: number): Promise<void> {
    const goal = this.acknowledged + commits
    return new Promise((resolve) => {
      const look = (): void => {
        if (this.acknowledged < goal) return
        this.#waiting.splice(this.#waiting.indexOf(look), 1)
        resolve()
      }
      this.#waiting.push(look)
    })
  }
}

/** What one cluster's effects are like in one follower. */
interface View {
  readonly applied: Set<string>
  expected: Acknowledged[]
  resetAt: number
  position: FollowerPosition | undefined
}

export class CheckedFollower implements LocalFollower {
  readonly name: string
  readonly #checker: PositionChecker
  readonly #views = new Map<string, View>()
  holds = 0

  constructor(name: string, checker: PositionChecker) {
    this.name = name
    this.#checker = checker
  }

  apply(cluster: string, batch: readonly DeliveredEffects[]): void {
    const { applied } = this.#view(cluster)
    for (const { effects } of batch) for (const key of effects.invalidate ?? []) applied.add(key)
  }

  advance(cluster: string, position: FollowerPosition): void {
    const view = this.#view(cluster)
    view.position = position
    this.#check(view)
  }

  reset(cluster: string): void {
    const view = this.#view(cluster)
    view.resetAt = this.#checker.step()
    view.applied.clear()
    view.expected = []
    view.position = undefined
  }

  hold(_: string, keys: readonly string[]): void {
    this.holds += keys.length
  }

  release(_: string, keys: readonly string[]): void {
    this.holds -= keys.length
  }

  /** The position may have been published before the answer arrived here. */
  expect(cluster: string, commit: Acknowledged): void {
    const view = this.#view(cluster)
    if (commit.begun < view.resetAt) return
    view.expected.push(commit)
    this.#check(view)
  }

  position(cluster: string): FollowerPosition | undefined {
    return this.#view(cluster).position
  }

  #check(view: View): void {
    const { position, applied } = view
    if (!position) return
    view.expected = view.expected.filter(({ key, position: { lsn, timeline } }) => {
      if (timeline !== position.timeline || lsn >= position.lsn) return true
      this.#checker.checked++
      if (!applied.has(key))
        this.#checker.violations.push(
          `${this.name} is at ${position.lsn} without ${key}, acknowledged at ${lsn}`,
        )
      return false
    })
  }

  #view(cluster: string): View {
    const found = this.#views.get(cluster)
    if (found) return found
    const view: View = { applied: new Set(), expected: [], resetAt: 0, position: undefined }
    this.#views.set(cluster, view)
    return view
  }
}
