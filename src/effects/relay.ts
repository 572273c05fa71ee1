import type { Clock, Timer } from '../core/clock.ts'
import type { FollowerPosition } from '../core/effects.ts'
import type { Logger } from '../core/log.ts'
import { formatLsn, type Lsn } from '../core/lsn.ts'
import type { UpkeepSession } from '../core/ports.ts'
import type { RelayStatus } from '../core/topology.ts'
import type { Floors } from './floors.ts'
import type { Followers } from './followers.ts'
import type { History } from './history.ts'
import { Pace } from './pace.ts'
import { pass } from './pass.ts'
import { COUNT, LEAD, leadIn, NOTE } from './statements.ts'
import type { Term } from './stream/term.ts'
import type { RelayTally } from './tally.ts'
import type { Waiting } from './waiting.ts'

/** Milliseconds that a candidate waits before it says so: longer than a leader that ends keeps its session. */
const CANDIDATE_SAID_MS = 30_000

/** Markers that wait to be deleted, at most, when another own commit is added. */
const DELETES_MAX = 10_000

/** What a relay works with. */
export interface RelayParts {
  readonly cluster: string
  readonly session: UpkeepSession
  readonly followers: Followers
  readonly floors: Floors
  readonly history: History
  readonly waiting: Waiting
  readonly clock: Clock
  readonly log: Logger
  readonly tally: RelayTally
  /** A term has begun, before anything is delivered in it; or, undefined, has ended. */
  readonly onTerm?: ((term: Term | undefined) => void) | undefined
}

/** The relay of one cluster: a candidate until it holds the cluster's lock, then the leader until its session ends. */
export class Relay {
  readonly #parts: RelayParts
  readonly #pace = new Pace()
  #started = false
  #stopped = false
  #running: Promise<void> | undefined
  #timer: Timer | undefined
  /** Monotonic milliseconds of the timer, or of the turn that is due at once. */
  #dueAt = Number.POSITIVE_INFINITY
  #leading = false
  /** When `#leading` became what it is; milliseconds since the epoch. */
  #since: number
  /** Monotonic milliseconds since when another session has been in the way; infinite once that is said. */
  #candidateSince: number | undefined
  #failures = 0
  #nudged = false
  #tidying = false
  #reading = false
  #demanded: Lsn | undefined
  #position: FollowerPosition | undefined
  /** The snapshot whose rows have all been delivered; undefined when the next pass has to take everything. */
  #shown: string | undefined
  /** Markers of rows that everybody has: delivered by the last pass, or committed here, which need not be read. */
  #deletes: string[] = []
  #pending = 0

  constructor(parts: RelayParts) {
    this.#parts = parts
    this.#since = parts.clock.now()
  }

  start(): void {
    this.#started = true
    this.#schedule()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#timer?.cancel()
    // A statement that waits for a dead server must not hold up the end: closing cuts it.
    await Promise.all([this.#running, this.#parts.session.close()])
  }

  /** The position reached, if this process is or was the leader. */
  get position(): FollowerPosition | undefined {
    return this.#position
  }

  /** Rows that somebody has not been given, as far as known. */
  get pending(): number {
    return this.#pending
  }

  get leading(): boolean {
    return this.#leading
  }

  /** A commit has left something. `given`: the marker of one that the levels of this process have. */
  readonly nudge = (given?: string): void => {
    if (given !== undefined && this.#parts.followers.allLocal) {
      // What is not noted here is read with the next pass, as another process's would be.
      if (!this.#leading || this.#deletes.length >= DELETES_MAX) return
      this.#parts.tally.delivered.value++
      if (this.#deletes.push(given) > 1) return
    } else if (this.#nudged) return
    else this.#nudged = true
    this.#schedule()
  }

  /** A commit has left something that everybody has: it is to be deleted soon. */
  readonly tidy = (): void => {
    if (this.#tidying) return
    this.#tidying = true
    this.#schedule()
  }

  /** See {@link PositionDemand}. */
  demand(lsn: Lsn): void {
    if (this.#position !== undefined && lsn < this.#position.lsn) {
      if (this.#reading) return
    } else if (this.#demanded === undefined || lsn > this.#demanded) {
      this.#demanded = lsn
    } else if (this.#reading) return
    this.#reading = true
    this.#schedule()
  }

  #schedule(): void {
    if (!this.#started || this.#stopped || this.#running) return
    const { clock } = this.#parts
    const dueAt = this.#pace.nextAt({
      failures: this.#failures,
      leading: this.#leading,
      urgent: this.#nudged || this.#demanded !== undefined,
      untidy: this.#tidying || this.#deletes.length > 0,
      reading: this.#reading,
    })
    if (dueAt >= this.#dueAt) return
    this.#dueAt = dueAt
    this.#timer?.cancel()
    const waitMs = dueAt - clock.monotonic()
    const turn = (): void => void this.#turn()
    // Not within the commit that asks for it.
    if (waitMs <= 0) queueMicrotask(turn)
    else this.#timer = clock.timer(waitMs, turn)
  }

  #turn(): void {
    if (this.#running || this.#stopped) return
    this.#timer?.cancel()
    this.#pace.began(this.#parts.clock.monotonic())
    this.#running = this.#step().finally(() => {
      this.#running = undefined
      this.#dueAt = Number.POSITIVE_INFINITY
      this.#schedule()
    })
  }

  async #step(): Promise<void> {
    const { log, cluster, session, tally } = this.#parts
    try {
      this.#leads(this.#leading && (await this.#pass()))
      if (!this.#leading && (await this.#lead())) this.#leads(await this.#pass())
      if (this.#failures > 1) log.info({ cluster }, 'the relay works again')
      this.#failures = 0
    } catch (err) {
      // What was sent may or may not have been done: look at everything that is there.
      this.#shown = undefined
      this.#deletes = []
      if (this.#stopped) return
      this.#failures++
      tally.failures.value++
      // The first one is what a restart looks like.
      if (!session.isTransient(err) || this.#failures === 2)
        log.warn({ err, cluster }, 'the relay cannot work; it tries again')
    }
  }

  #leads(leading: boolean): void {
    if (leading !== this.#leading) this.#since = this.#parts.clock.now()
    if (!leading) this.#parts.onTerm?.(undefined)
    this.#leading = leading
  }

  /** @returns whether this process has become the leader */
  async #lead(): Promise<boolean> {
    const { session, history, cluster, log } = this.#parts
    const results = await session.run([NOTE, LEAD])
    const { timeline, term } = leadIn(results)
    if (term === undefined) this.#waitsForLead()
    if (term === undefined || !history.admits(timeline)) return false
    this.#parts.onTerm?.(term)
    this.#candidateSince = undefined
    this.#shown = undefined
    this.#deletes = []
    // Another leader may have delivered, to its own followers only, and deleted. And whoever has lost its session
    // may have lost it because PostgreSQL was restarted.
    history.reset()
    log.debug({ cluster, timeline }, 'this relay leads')
    return true
  }

  #waitsForLead(): void {
    const { clock, cluster, log } = this.#parts
    this.#candidateSince ??= clock.monotonic()
    if (clock.monotonic() - this.#candidateSince < CANDIDATE_SAID_MS) return
    this.#candidateSince = Number.POSITIVE_INFINITY
    log.warn(
      { cluster },
      'another session holds the lock of the relay: until it ends, this process answers cached values from the database',
    )
  }

  /** @returns whether this process is still the leader */
  async #pass(): Promise<boolean> {
    const { clock, followers, history, waiting, tally, cluster, log } = this.#parts
    const beganAt = clock.monotonic()
    if (followers.retryDue) {
      followers.retry()
      this.#shown = undefined
    }
    const whole = this.#shown === undefined
    const demanded = this.#demanded
    const deletes = this.#deletes.splice(0)
    this.#nudged = false
    this.#tidying = false
    this.#reading = false
    this.#demanded = undefined
    const result = await pass(
      { ...this.#parts, onBacklog: () => this.#count(), onDelivered: (rows) => this.#delivered(rows) },
      { since: this.#shown, deletes, moveBeyond: demanded },
    )
    tally.passes.value++
    if (result === undefined || !history.admits(result.noted.timeline)) {
      log.debug({ cluster }, 'this relay leads no longer')
      return false
    }
    if (whole) followers.caughtUp()
    this.#shown = result.snapshot
    this.#deletes.push(...result.deletes)
    this.#position = { ...result.noted, takenAt: beganAt }
    followers.advance(this.#position)
    if (followers.localComplete) waiting.passed(beganAt)
    if (followers.complete) this.#pending = 0
    else if (whole) await this.#count()
    return true
  }

  #delivered(rows: number): void {
    this.#parts.tally.delivered.value += rows
    this.#pending = Math.max(0, this.#pending - rows)
  }

  async #count(): Promise<void> {
    const [[row] = []] = await this.#parts.session.run([COUNT])
    this.#pending = Number(row?.pending ?? 0)
  }

  /** For `status`. */
  describe(): RelayStatus {
    const { clock } = this.#parts
    const position = this.#position
    return {
      leads: this.#leading,
      since: new Date(this.#since).toISOString(),
      position: position ? formatLsn(position.lsn) : null,
      ageMs: position ? Math.round(clock.monotonic() - position.takenAt) : null,
      pendingEffects: this.#leading ? this.#pending : null,
    }
  }
}
