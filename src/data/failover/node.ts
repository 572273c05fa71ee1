import { statSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '../../core/clock.ts'
import type { Logger } from '../../core/log.ts'
import type { DatabaseAddress } from '../postgres/address.ts'
import { endWhatRuns } from '../postgres/end.ts'
import { DataFolderCorrupt, DataFolderInUse, PostgresLingers, PostgresSilent } from '../postgres/errors.ts'
import { findRunning } from '../postgres/postmaster-file.ts'
import { identify, isPostgres, type ProcessIdentity, processesIn, signal } from '../postgres/process.ts'
import { createPostgres } from '../postgres/server.ts'
import type { PostgresOptions, PostgresServer, StopMode } from '../postgres/types.ts'
import { type ReplicationRole, renderReplication } from '../replication/settings.ts'
import { type Observation, Observer } from './observer.ts'
import type { NodeView, ProcessState } from './view.ts'

/** Milliseconds that a look at a node may take. */
const LOOK_MS_MAX = 1_000
/** Milliseconds that whoever looks at several nodes waits for one that is slow. */
const PATIENCE_MS = 100
/** Milliseconds without an answer after which a standby counts as hung. */
const SILENCE_MS_MAX = 2_000
/** Starts that fail in a row before a folder counts as of no use, for so many milliseconds: what is in the way may go away. */
const FAILURES_MAX = 2
/** The same for starts that say nothing against the folder: others must not wait for it for ever. */
const SILENCES_MAX = 3
const USELESS_MS = 5_000
/** Milliseconds between two attempts to end a server that nobody may use. */
const END_AGAIN_MS = 1_000
/** Milliseconds that a standby has to end in order. */
const STOP_SOON_MS = 1_000

export interface NodeStart {
  /** False: as what its folder says. */
  readonly standby: boolean
  readonly role: ReplicationRole
  /** The node that it follows. */
  readonly upstream?: string | undefined
  /** Only if it runs already: whether it may be started is for others to decide. */
  readonly adoptOnly?: boolean
  /** Ends it if it has not started by then. */
  readonly signal?: AbortSignal | undefined
  /** Milliseconds that it may take. */
  readonly startMsMax?: number
}

/** One PostgreSQL of a cluster on this machine: its process, and what it says about itself. */
export class ClusterNode {
  readonly id: string
  readonly dataDir: string
  readonly #options: PostgresOptions & { readonly clock: Clock; readonly log: Logger }
  readonly #wake: () => void
  #server: PostgresServer | undefined
  #observer: Observer | undefined
  /** `busy`: it is being started, or has ended and is being cleared up after. */
  #process: 'running' | 'busy' | 'down' = 'down'
  #role: ReplicationRole | undefined
  #upstream: string | undefined
  /** When it was asked first since its last answer. */
  #askedAt: number | undefined
  /** A fresh connection was not answered, whatever old ones say. */
  #suspected = false
  /** Of the last call upon its recovery. */
  #startup: ProcessIdentity | undefined
  #looking: { readonly since: number; readonly done: Promise<void> } | undefined
  #failures = 0
  #silences = 0
  #failedAt = 0
  /** PostgreSQL itself has said that its folder is of no use. */
  #damaged = false
  seen: Observation | undefined
  /** Why its last start failed. */
  failure: unknown
  /** When a fresh connection was last answered, in monotonic milliseconds. */
  provenAt = Number.NEGATIVE_INFINITY
  /** When the present run began, in milliseconds since the epoch. */
  startedAt = 0

  /** @param wake called whenever the process has ended or started */
  constructor(
    id: string,
    options: PostgresOptions & { readonly clock: Clock; readonly log: Logger },
    wake: () => void,
  ) {
    this.id = id
    this.dataDir = options.dataDir
    this.#options = options
    this.#wake = wake
  }

  get pid(): number | undefined {
    return this.#server?.pid
  }

  /** Whether the present server was started by somebody before us. */
  get adopted(): boolean {
    return this.#server?.adopted === true
  }

  /** Undefined before its first start. */
  get address(): DatabaseAddress | undefined {
    return this.#server !== undefined && this.#server.socketDir !== '' ? this.#server : undefined
  }

  /** One that cannot be read (a disk that is broken or gone) is none: the others must not wait for it. */
  get hasFolder(): boolean {
    try {
      return statSync(join(this.dataDir, 'global', 'pg_control'), { throwIfNoEntry: false }) !== undefined
    } catch (error) {
      this.failure = error
      return false
    }
  }

  /** Its folder could be started, as far as anybody knows: what has kept it from that may go away. */
  get isWhole(): boolean {
    return this.hasFolder && !this.#damaged
  }

  /** It is being started, or has ended and is being cleared up after. */
  get isStarting(): boolean {
    return this.#process === 'busy'
  }

  /** Whether a server runs on its folder, ours or one that a killed owner left. */
  get isThere(): boolean {
    return this.hasFolder && findRunning(this.dataDir).postmaster !== undefined
  }

  get role(): ReplicationRole | undefined {
    return this.#role
  }

  get upstream(): string | undefined {
    return this.#upstream
  }

  view(building: boolean): NodeView {
    const { id, seen } = this
    const state = this.#state(building)
    if (state === 'missing') return { id, process: state, whole: this.isWhole && !building }
    if (state !== 'running' || seen === undefined)
      return { id, process: state === 'running' ? 'starting' : state }
    return {
      id,
      process: state,
      standby: seen.standby,
      receiving: seen.receiving,
      upstream: this.#upstream,
      ...(seen.lsn !== undefined && { lsn: seen.lsn }),
      ...(seen.timeline !== undefined && { timeline: seen.timeline }),
    }
  }

  #state(building: boolean): ProcessState {
    // Also one that runs: what it has does not count, and it cannot follow.
    if (building) return 'missing'
    if (this.#process === 'down') return !this.hasFolder || this.#isUseless ? 'missing' : 'down'
    if (this.#process === 'busy') return 'starting'
    const now = this.#options.clock.monotonic()
    // Who is not asked, as while another is waited for, is not silent.
    const silentMs = now - (this.#askedAt ?? now)
    // A primary is judged by fresh connections only.
    const silent = this.seen?.standby !== false && silentMs > SILENCE_MS_MAX
    return this.#suspected || silent ? 'hung' : 'running'
  }

  get #isUseless(): boolean {
    const sinceMs = this.#options.clock.monotonic() - this.#failedAt
    const fails = this.#failures >= FAILURES_MAX || this.#silences >= SILENCES_MAX
    return fails && sinceMs < USELESS_MS
  }

  /**
   * Asks it; what it does not answer in time leaves things as they were. Resolves with its answer, or at once when an
   * earlier question has been open for long.
   */
  async look(): Promise<void> {
    const { clock } = this.#options
    if (this.#process !== 'running' || this.#observer === undefined) return
    if (this.#looking === undefined) {
      const looking = { since: clock.monotonic(), done: this.#ask() }
      this.#looking = looking
      void looking.done.then(() => {
        if (this.#looking === looking) this.#looking = undefined
      })
    }
    const leftMs = this.#looking.since + PATIENCE_MS - clock.monotonic()
    if (leftMs <= 0) return
    const over = new AbortController()
    await Promise.race([this.#looking.done, clock.sleep(leftMs, { signal: over.signal }).catch(() => {})])
    over.abort()
  }

  /** Asks only whether it has become a primary. What it does not answer leaves things as they were. */
  async glance(): Promise<void> {
    const observer = this.#observer
    try {
      const glance = await observer?.glance(LOOK_MS_MAX)
      if (glance && this.seen && this.#observer === observer) this.seen = { ...this.seen, ...glance }
    } catch {
      // As with a look.
    }
  }

  /** What it answers to a question that is asked now. @throws Error when it does not answer in time */
  async lookNow(): Promise<Observation> {
    const observer = this.#observer
    this.#askedAt ??= this.#options.clock.monotonic()
    const seen = await observer?.look(LOOK_MS_MAX)
    if (seen === undefined || this.#observer !== observer) throw new Error(`${this.id} does not run`)
    this.seen = seen
    this.#askedAt = undefined
    return seen
  }

  async #ask(): Promise<void> {
    try {
      await this.lookNow()
    } catch {
      // Its process tells whether it has ended, its silence whether it hangs.
    }
  }

  /** One statement as superuser. */
  query<Row extends object>(text: string, values: unknown[] = [], ms = LOOK_MS_MAX): Promise<Row[]> {
    if (this.#observer === undefined) return Promise.reject(new Error(`${this.id} does not run`))
    return this.#observer.query<Row>(text, ms, values)
  }

  /** Starts it. A standby that was just made does not start before it has received what its copy lacks. */
  async start({ standby, role, upstream, adoptOnly = false, signal, startMsMax }: NodeStart): Promise<void> {
    const { clock, log } = this.#options
    const ends = [this.#options.signal, signal].filter((one) => one !== undefined)
    const end = AbortSignal.any(ends)
    const server = createPostgres({
      ...this.#options,
      adoptOnly,
      ...(startMsMax !== undefined && { startTimeoutMs: startMsMax }),
      replication: { standby, conf: renderReplication(role) },
      signal: end,
    })
    this.#server = server
    this.#process = 'busy'
    try {
      await server.start()
      if (server.adopted) server.reload(renderReplication(role))
    } catch (error) {
      // Whoever cannot be taken over may not go on unseen: what counts as down has ended.
      if (!(error instanceof DataFolderInUse) && !end.aborted) await this.#surelyEnd(server)
      const failed = !adoptOnly && !end.aborted
      if (failed) this.#count(error)
      this.#damaged = error instanceof DataFolderCorrupt
      this.failure = error
      this.#failedAt = clock.monotonic()
      this.#process = 'down'
      if (failed) log.warn({ node: this.id, err: error }, 'a PostgreSQL cannot be started')
      this.#wake()
      throw error
    }
    this.#forgive()
    this.#role = role
    this.#upstream = upstream
    this.#observer = new Observer(server)
    this.#askedAt = undefined
    this.startedAt = server.startedAt
    this.#process = 'running'
    void server.exited.then((end) => this.#ended(server, end.expected, end.logTail))
    await this.look()
    this.#wake()
  }

  /** One that was stopped, or is not let go by the kernel, would be so on any folder. */
  #count(error: unknown): void {
    if (error instanceof PostgresSilent || error instanceof PostgresLingers) this.#silences++
    else this.#failures++
  }

  #forgive(): void {
    this.#failures = 0
    this.#silences = 0
  }

  /** Ends it; with `kill` it has done nothing more since the call, and all its processes are gone, or nothing but the kernel holds them. */
  async stop(mode: StopMode): Promise<void> {
    const server = this.#server
    await server?.stop({ mode })
    if (server !== undefined && this.#server === server) this.#gone()
  }

  /** A standby that hangs, or takes long over it, is killed: others wait. */
  async stopSoon(): Promise<void> {
    const hurry = this.#options.clock.timer(STOP_SOON_MS, () => this.stop('kill').catch(() => {}))
    await this.stop('fast').finally(() => hurry.cancel())
  }

  /** One that cannot be ended is not down: that is tried until it has, or we end. */
  async #surelyEnd(server: PostgresServer): Promise<void> {
    const { clock, log, signal } = this.#options
    const failed = (error: unknown): void =>
      log.error({ node: this.id, err: error }, 'a PostgreSQL that was left running cannot be ended')
    // A stop that failed is not tried again by itself.
    await server.stop({ mode: 'kill' }).catch(failed)
    for (;;) {
      try {
        return await this.endWhatRuns()
      } catch (error) {
        failed(error)
        await clock.sleep(END_AGAIN_MS, { signal })
      }
    }
  }

  /** Ends a server on its folder that is not ours, with all its processes; also those that have outlived it. */
  async endWhatRuns(): Promise<void> {
    await endWhatRuns(this.dataDir, this.#options.clock)
  }

  /** It has answered no fresh connection for too long. */
  get isSuspected(): boolean {
    return this.#suspected
  }

  /** Its folder has been made anew. */
  made(): void {
    this.#forgive()
    this.#damaged = false
  }

  /** It answers nothing, as a fresh connection has shown: nobody waits for what it was asked. */
  suspect(): void {
    this.#suspected = true
    this.#observer?.giveUp()
  }

  /** A fresh connection was answered. */
  trust(): void {
    this.#suspected = false
    this.provenAt = this.#options.clock.monotonic()
  }

  /** Sends a signal to all its processes; false when there is none. */
  signalAll(name: NodeJS.Signals): boolean {
    const reached = processesIn(this.dataDir).filter((identity) => signal(identity, name))
    return reached.length > 0
  }

  /** Ends the pause of a standby between two attempts to receive: its recovery wakes up when it is told to reload. */
  endPause(): void {
    const { startup, standby } = this.seen ?? {}
    if (startup === undefined || !standby) return
    if (this.#startup?.pid !== startup) this.#startup = isPostgres(startup) ? identify(startup) : undefined
    if (this.#startup !== undefined) signal(this.#startup, 'SIGHUP')
  }

  /** Lets it run without us. */
  leave(): void {
    this.#observer?.close()
    this.#server?.leave()
    this.#server = undefined
  }

  /** Gives it another role. A moment later it is in effect: `seen.names` and `seen.receiving` tell. */
  apply(role: ReplicationRole, upstream?: string): void {
    this.#server?.reload(renderReplication(role))
    this.#role = role
    this.#upstream = upstream
  }

  async #ended(server: PostgresServer, expected: boolean, logTail: string): Promise<void> {
    if (this.#server !== server || expected) return
    this.#process = 'busy'
    this.#wake()
    this.#options.log.error({ node: this.id, logTail }, 'a PostgreSQL ended by itself')
    // Its backends may have outlived it.
    await server
      .stop({ mode: 'kill' })
      .catch((error: unknown) =>
        this.#options.log.error({ node: this.id, err: error }, 'cannot clear up after a PostgreSQL'),
      )
    if (this.#server === server) this.#gone()
  }

  #gone(): void {
    this.#process = 'down'
    this.seen = undefined
    this.#suspected = false
    this.#looking = undefined
    this.#observer?.close()
    this.#observer = undefined
    this.#wake()
  }
}
