import type { Clock } from '../../core/clock.ts'
import type { Logger } from '../../core/log.ts'
import { parseLsn } from '../../core/lsn.ts'
import type { HistoryLoss, Loss, Position } from '../../core/position.ts'
import type { MemberStatus } from '../../core/topology.ts'
import type { MetricsRegistry } from '../../telemetry/metrics.ts'
import { meansLost, SessionCut } from '../connection/failure.ts'
import { CopyLost } from '../connection/lane.ts'
import type { Statements } from '../connection/statements.ts'
import { DataUnavailable } from '../errors.ts'
import { type MemberAnswer, NO_ROLES, type Roles } from '../routing/roles.ts'
import { Watch } from '../routing/watch.ts'
import { Copies } from './copies.ts'
import { DataNode, type NodeOptions } from './node.ts'
import { type ReadMetrics, readMetrics } from './read-metrics.ts'
import type { ClusterMember, ClusterOptions, ConnectionOptions } from './types.ts'

/** Calls that may wait for a primary at once; each holds what its request holds. */
export const WAITING_MAX = 2_000

/**
 * Milliseconds, at least, between two notes of where the primary was. With looks every 500 ms each note is what replicas must have
 * from the next one on: whoever has seen nothing newer is shown nothing older than a second and a look.
 */
const NOTE_MS = 450
/**
 * Sessions with each replica that would write if it became the primary. Opening one then would cost a processor 10 ms, while
 * everybody who has waited wants it; more than these only fight for it.
 */
const WARM_WRITERS = 5
/** Milliseconds between two searches for the same timeline. */
const SOUGHT_MS = 1_000

interface Waiter {
  resolve(primary: DataNode): void
  reject(error: unknown): void
}

export interface ClusterParts
  extends Omit<NodeOptions, 'cluster' | 'isWatched' | 'onPosition' | 'onLate' | 'onUnsettled'> {
  /** Nobody but this process shows anybody what is in it. @defaultValue false */
  readonly soleProcess?: boolean | undefined
  readonly log: Logger
  readonly metrics?: MetricsRegistry | undefined
}

/**
 * One cluster as the data client sees it: its servers, and which of them is the primary.
 *
 * With one server there is nothing to find out, and nothing is asked. With several a {@link Watch} asks them.
 */
export class Cluster {
  readonly name: string
  readonly clock: Clock
  readonly statements: Statements
  readonly #parts: ClusterParts
  readonly #nodes = new Map<string, DataNode>()
  readonly #waiting = new Set<Waiter>()
  readonly #listeners = new Set<() => void>()
  readonly #closing = new Set<Promise<void>>()
  #watch: Watch | undefined
  #losses: readonly Loss[] = []
  #primary: DataNode | undefined
  #replicas: readonly DataNode[] = []
  /** Replicas that may not answer at the moment. */
  readonly #resting = new Set<DataNode>()
  #base: Position | undefined
  #closed = false
  readonly copies: Copies
  readonly metrics: ReadMetrics
  /** Where the primary was some time ago. */
  #noted: (Position & { readonly at: number }) | undefined
  #sought: { readonly timeline: number; readonly at: number; readonly looked: Promise<void> } | undefined
  /** The last primary that was known. */
  #last: DataNode | undefined

  constructor({ name, connection, members = [], losses }: ClusterOptions, parts: ClusterParts) {
    this.name = name
    this.setLosses(losses)
    this.clock = parts.clock
    this.statements = parts.statements
    this.#parts = parts
    this.copies = new Copies(parts.clock, () => this.#replicas)
    this.metrics = readMetrics(parts.metrics, name)
    if (members.length > 1) this.setMembers(members)
    else this.#alone(members[0]?.connection ?? connection)
  }

  /** Whether there is more than one server, so that roles change and copies may answer. */
  get isWatched(): boolean {
    return this.#watch !== undefined
  }

  /** Whether a later read of a session may meet a copy, a replica's or another process's cache, that is behind. */
  get hasCopies(): boolean {
    return this.isWatched || !this.#parts.soleProcess
  }

  /** The server that takes writes, for all we know. */
  get primaryNow(): DataNode | undefined {
    return this.#primary
  }

  /** Those that may answer reads once they have reached {@link base}. */
  get replicas(): readonly DataNode[] {
    return this.#replicas
  }

  /** What every copy must have reached: where the primary stood when we first saw it on its timeline, and later some time ago. */
  get base(): Position | undefined {
    return this.#base
  }

  get roles(): Roles {
    return this.#watch?.roles ?? NO_ROLES
  }

  /** Its servers, for a status; of one that is alone nothing is found out. */
  get memberStatus(): MemberStatus[] {
    const { primary, replicas } = this.roles
    return [...this.#nodes.keys()].map((id) => ({
      id,
      role:
        !this.#watch || id === primary
          ? ('primary' as const)
          : replicas.includes(id)
            ? ('replica' as const)
            : undefined,
      answers: this.#watch?.answers(id) ?? true,
    }))
  }

  /**
   * Replaces the servers while it runs. Sessions with those that stay are kept; what runs on the others is run again.
   * With fewer than two there is nothing to find out any more.
   */
  setMembers(members: readonly ClusterMember[]): void {
    const [first] = members
    if (!first) throw new RangeError(`Cluster ${this.name} needs a member`)
    if (members.length === 1) {
      this.#alone(first.connection)
      return
    }
    const [only] = this.#nodes.values()
    const same = members.find(({ connection }) => only && sameAddress(connection, only.connection))
    // One that was alone until now had no id.
    if (!this.#watch && only && same) this.#rename(only, same.id)
    for (const [id, node] of [...this.#nodes]) {
      const wanted = members.find((one) => one.id === id)
      if (!wanted || !sameAddress(wanted.connection, node.connection)) this.#drop(node)
    }
    for (const { id, connection } of members) if (!this.#nodes.has(id)) this.#add(id, connection)
    this.#watch ??= new Watch({
      cluster: this.name,
      clock: this.clock,
      log: this.#parts.log,
      urgent: () => this.#waiting.size > 0,
      onRoles: (roles) => this.#follow(roles),
      onAnswer: (id, answer) => this.#heard(id, answer),
    })
    this.#watch.set(members)
    this.#follow(this.#watch.roles)
  }

  /** Where its history was left with loss: whoever has seen more is told. */
  get losses(): readonly Loss[] {
    return this.#losses
  }

  setLosses(losses: readonly HistoryLoss[] = []): void {
    this.#losses = losses.map(({ timeline, lsn }) => ({ timeline, lsn: parseLsn(lsn) }))
  }

  /** Asks all servers at once who they are; resolves when each has answered or was silent. */
  async lookAgain(): Promise<void> {
    await this.#watch?.lookAgain()
  }

  /**
   * A session has seen a later timeline than we know of: somebody was promoted, unless that history is lost. Resolves when
   * all have been asked; a history that nobody has is not asked for again for {@link SOUGHT_MS}.
   */
  async seek(timeline: number): Promise<void> {
    const now = this.clock.monotonic()
    if (!this.#sought || this.#sought.timeline < timeline || now - this.#sought.at >= SOUGHT_MS)
      this.#sought = { timeline, at: now, looked: this.lookAgain() }
    // Who comes while all are being asked waits for their answers, too.
    await this.#sought.looked
  }

  /**
   * Waits for a server that takes writes.
   * @param admitted whether it waits in the name of calls that are counted elsewhere
   * @throws DataUnavailable when too many wait already; an Error when the wait was too long
   */
  primary(waitMs: number, admitted = false): Promise<DataNode> {
    if (this.#primary) return Promise.resolve(this.#primary)
    if (this.#closed) return Promise.reject(new Error('The data client is stopped'))
    if (this.#waiting.size >= WAITING_MAX && !admitted) {
      const why = new Error(`${WAITING_MAX} calls wait for a primary already: ${this.#watch?.troubles}`)
      return Promise.reject(new DataUnavailable(this.name, 'not applied', why))
    }
    return new Promise((resolve, reject) => {
      const timer = this.clock.timer(Math.max(waitMs, 0), () => {
        this.#waiting.delete(waiter)
        reject(new Error(`No primary for ${Math.round(waitMs)} ms: ${this.#watch?.troubles}`))
      })
      const waiter: Waiter = {
        resolve: (primary) => {
          timer.cancel()
          resolve(primary)
        },
        reject: (error) => {
          timer.cancel()
          reject(error)
        },
      }
      this.#waiting.add(waiter)
      this.#watch?.hurry()
    })
  }

  /** A session with this server failed: where that may be because of its role, it has to say anew what it is. */
  failed(node: DataNode, error: unknown): void {
    if (this.#watch && this.#nodes.get(node.id) === node && meansLost(error)) this.#watch.suspect(node.id)
  }

  /** Calls `listener` whenever another server has become the primary, or none is known. @returns what ends it */
  onPrimary(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#watch?.close()
    for (const waiter of this.#waiting) waiter.reject(new Error('The data client is stopped'))
    this.#waiting.clear()
    await Promise.all([...this.#closing, ...[...this.#nodes.values()].map((node) => node.close())])
  }

  /** Cuts every session at once. */
  destroyAll(reason: Error): void {
    for (const node of this.#nodes.values()) node.destroyAll(reason)
  }

  #alone(connection: ConnectionOptions): void {
    this.#watch?.close()
    this.#watch = undefined
    const kept = [...this.#nodes.values()].find((node) => sameAddress(node.connection, connection))
    for (const node of [...this.#nodes.values()]) if (node !== kept) this.#drop(node)
    if (kept) this.#rename(kept, this.name)
    else this.#add(this.name, connection)
    this.#base = undefined
    this.#become(this.#nodes.get(this.name), [], [])
  }

  #rename(node: DataNode, id: string): void {
    this.#nodes.delete(node.id)
    node.id = id
    this.#nodes.set(id, node)
  }

  #add(id: string, connection: ConnectionOptions): void {
    const node = new DataNode(id, connection, {
      ...this.#parts,
      cluster: this.name,
      isWatched: () => this.isWatched,
      onPosition: (position) => this.copies.positions.told(position),
      onLate: (late) => this.#watch?.ask(late.id),
      onUnsettled: (primary, commits) =>
        this.#parts.log.warn(
          { cluster: this.name, member: primary.id, commits },
          'commits that replicas may have shown wait for a standby; the primary answers without them',
        ),
    })
    this.#nodes.set(id, node)
  }

  #drop(node: DataNode): void {
    this.#nodes.delete(node.id)
    this.#resting.delete(node)
    this.#watch?.forget(node.id)
    node.cut(new SessionCut(`${node.id} is no member of cluster ${this.name} any more`))
    const closed = node.close().finally(() => this.#closing.delete(closed))
    this.#closing.add(closed)
  }

  /**
   * Every replica must also have what the primary had a while ago ({@link NOTE_MS}), so that nobody, with a token or without, is shown
   * what is older.
   */
  #heard(id: string, { timeline, lsn }: MemberAnswer): void {
    this.#nodes.get(id)?.answers()
    const base = this.#base
    if (id !== this.#primary?.id || lsn === undefined || timeline === undefined) return
    if (timeline !== base?.timeline) return
    if (this.copies.takeAnswered()) this.#primary?.settling.refresh()
    const now = this.clock.monotonic()
    const noted = this.#noted?.timeline === timeline ? this.#noted : undefined
    if (noted && now - noted.at < NOTE_MS) return
    if (noted && noted.lsn > base.lsn) this.#base = { timeline, lsn: noted.lsn }
    this.#noted = { timeline, lsn, at: now }
  }

  #follow({ primary, replicas, resting, base }: Roles): void {
    if (base?.timeline !== this.#base?.timeline) this.#base = base
    const of = (id: string): DataNode[] => {
      const node = this.#nodes.get(id)
      return node ? [node] : []
    }
    this.#become(
      primary === undefined ? undefined : of(primary)[0],
      replicas.flatMap(of),
      resting.flatMap(of),
    )
  }

  #become(primary: DataNode | undefined, replicas: readonly DataNode[], resting: readonly DataNode[]): void {
    const was = this.#primary
    const copies = new Set([...this.#replicas, ...this.#resting])
    this.#primary = primary
    this.#replicas = replicas
    // One that has to say anew what it is has not become a copy: what waits there was asked of a primary.
    const asPrimary = primary ?? (this.#last && replicas.includes(this.#last) ? undefined : this.#last)
    for (const node of this.#nodes.values()) {
      node.lane.moves = this.isWatched
      if (node === primary && node.isReplica) node.promoted()
      if (node !== asPrimary && !node.isReplica)
        node.lane.abandon(new CopyLost(`${node.id} is not the primary of cluster ${this.name}`))
      node.isReplica = node !== asPrimary
    }
    if (primary && this.#last && primary !== this.#last) {
      this.metrics.primaryChanges.value++
      const reason = new SessionCut(`${this.#last.id} is not the primary of cluster ${this.name}`)
      this.#last.writers.cut(reason)
      // What it was asked as a copy it may still answer; as the primary it has nothing to say any more.
      if (!replicas.includes(this.#last)) this.#last.cutReads(reason)
    }
    for (const node of copies)
      this.#retire(node, node === primary || replicas.includes(node), resting.includes(node))
    // One of them may be the next primary: sessions that can write then are there already.
    if (primary) for (const node of replicas) node.writers.warm(WARM_WRITERS)
    if (primary === was) return
    this.#last = primary ?? this.#last
    if (primary) for (const waiter of this.#waiting) waiter.resolve(primary)
    if (primary) this.#waiting.clear()
    for (const listener of this.#listeners) listener()
  }

  /** What becomes of the sessions that read from a replica. */
  #retire(node: DataNode, serves: boolean, rests: boolean): void {
    const why = `${node.id} may not answer reads`
    const rested = this.#resting.delete(node)
    if (serves) return
    if (!rests) node.cutReads(new SessionCut(why))
    else {
      this.#resting.add(node)
      if (!rested) node.rest(why)
    }
  }
}

const sameAddress = (one: ConnectionOptions, other: ConnectionOptions): boolean =>
  one.host === other.host &&
  one.port === other.port &&
  one.user === other.user &&
  one.database === other.database &&
  one.password === other.password
