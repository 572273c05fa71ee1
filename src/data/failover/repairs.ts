import { existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import type { Lsn } from '../../core/lsn.ts'
import { copyPlace } from '../replication/base-backup.ts'
import { NoRoomForCopy } from '../replication/room.ts'
import { synchronousNames } from '../replication/settings.ts'
import { build, type HowToStart } from './build.ts'
import { type ClusterState, settle } from './cluster-state.ts'
import type { ClusterNode } from './node.ts'
import { ensureSlot } from './promotion.ts'
import { dropSlot, removeNode } from './removal.ts'
import { isStreaming, mayBeReplaced, type Repair, type Serving, type Standby, tend } from './tend.ts'
import { Turns } from './turns.ts'
import type { NodeView, SenderView } from './view.ts'

/** Milliseconds before a repair that failed is tried again: doubled from the first to the second. */
const RETRY_MS = [100, 5_000] as const
/** The same where there is no room for a copy: to find that out all of its files are looked at. */
const NO_ROOM_MS = 30_000
/** Milliseconds for the others to have what the dismissed one may have had alone. */
const CATCH_UP_MS_MAX = 30_000
/** The same while none of them streams: all other changes of who counts wait meanwhile. A receiver is soon forked again. */
const NOBODY_MS_MAX = 1_000
/** Milliseconds between two looks at those whose word is waited for. */
const LOOK_MS = 250
const CHECKPOINT_MS_MAX = 120_000
/** Milliseconds for which an answer of the primary to a fresh connection says that it works. */
const PROVEN_MS_MAX = 1_000

/** Of what the primary is told about a standby: it need not wait for the standby itself. */
const BESIDE: readonly string[] = ['alone', 'dismiss']

/** States of a sender that has something to send, or had. */
const RECEIVES = ['catchup', 'streaming']

interface UnderWay {
  readonly what: Repair['do'] | 'sweep'
  readonly epoch: number
  readonly over: AbortController
  readonly done: Promise<void>
}

/** Does what `tend` asks for, beside the keeper's own steps; one thing at a time for each node. */
export class Repairs {
  readonly #state: ClusterState
  readonly #underWay = new Map<string, UnderWay>()
  /** Changes of who counts are made one after another. */
  readonly #counting = new Turns()
  /** Standbys that were taken out, on their way to nothing. */
  readonly #erasing = new Map<string, Promise<void>>()
  readonly #streamedAt = new Map<string, number>()
  readonly #stuckSince = new Map<string, number>()
  readonly #pauses = new Map<string, { waitMs: number; until: number }>()
  #hasSwept = false

  constructor(state: ClusterState) {
    this.#state = state
  }

  /** Begins what is needed. */
  tend(): void {
    this.#giveUp()
    this.#sweep()
    const now = this.#state.options.clock.monotonic()
    this.#finishRemovals(now)
    const standbys = this.#standbys(now)
    for (const repair of tend(this.#state.record(), standbys, this.#serving(now))) {
      // Beside whatever is done for that standby.
      const key = BESIDE.includes(repair.do) ? `${repair.do} ${repair.id}` : repair.id
      const present = this.#underWay.get(key)
      // Whatever waits for one that hangs waits in vain, and its end for that.
      if (repair.do === 'fence' && present?.what !== 'fence') present?.over.abort()
      if (present || this.#isPutOff(key, now)) continue
      // Without room for a copy all else goes on.
      if (repair.do === 'build' && this.#isPutOff(`build ${key}`, now)) continue
      const { epoch } = this.#state.record()
      const over = new AbortController()
      const signal = AbortSignal.any([this.#state.signal, over.signal])
      this.#underWay.set(key, { what: repair.do, epoch, over, done: this.#run(repair, key, signal) })
    }
  }

  /** Copies that an earlier keeper has not brought to their end. */
  #sweep(): void {
    if (this.#hasSwept) return
    this.#hasSwept = true
    const { members, record, options } = this.#state
    for (const { id, dataDir } of members.all) {
      const left = copyPlace(dataDir)
      if (!existsSync(left)) continue
      const failed = (error: unknown): void =>
        options.log.warn(
          { cluster: options.name, node: id, err: error },
          'an unfinished copy could not be removed',
        )
      const done = rm(left, { recursive: true, force: true })
        .catch(failed)
        .finally(() => this.#underWay.delete(id))
      // A copy that is made meanwhile would lie in the same place.
      this.#underWay.set(id, { what: 'sweep', epoch: record().epoch, over: new AbortController(), done })
    }
  }

  /** What was begun for another primary waits for what that one had, and may be of no use to this one. */
  #giveUp(): void {
    const { epoch } = this.#state.record()
    for (const [key, one] of this.#underWay) {
      if (one.epoch === epoch || one.over.signal.aborted) continue
      const { log, name } = this.#state.options
      log.info({ cluster: name, repair: key }, 'a repair is given up: another node has become primary')
      one.over.abort()
    }
  }

  #serving(now: number): Serving {
    const { members, record } = this.#state
    const { provenAt, seen } = members.get(record().primary)
    // Silence of a standby is older than the primary's last answer.
    return { proven: now - provenAt < PROVEN_MS_MAX, waits: seen !== undefined && seen.names !== '' }
  }

  async settled(): Promise<void> {
    const repairs = [...this.#underWay.values()].map(({ done }) => done)
    await Promise.all([...repairs, this.#counting.over, ...this.#erasing.values()])
  }

  /** The primary gets the role that follows from the record: its names depend on who and how many the nodes are. */
  renew(): void {
    const { members, record } = this.#state
    const { primary } = record()
    members.get(primary).apply(members.role(primary, record()))
  }

  /**
   * Takes a standby out of the cluster: nothing depends on it any more.
   * @returns what lasts until it has ended and its data is gone
   */
  async remove(id: string): Promise<{ readonly erased: Promise<void> }> {
    const { members, record, save, signal } = this.#state
    this.#requireUnchanged()
    const primary = members.get(record().primary)
    const underWay = this.#underWay.get(id)
    // A copy may take long, and need a primary that does not answer any more.
    underWay?.over.abort()
    await underWay?.done
    const rest = record().named.filter((other) => other !== id)
    if (rest.length > 0) await this.#counting.take(() => this.#name(rest, primary, signal), signal)
    // Nobody is left whose word could count: the primary alone has everything.
    else save({ ...record(), named: [], synchronous: [] })
    const node = members.get(id)
    const { nodes, building, leaving = [] } = record()
    const without = (ids: readonly string[]): string[] => ids.filter((other) => other !== id)
    // Whoever comes after us must know of it as long as anything of it is there.
    save({ ...record(), nodes: without(nodes), building: without(building), leaving: [...leaving, id] })
    this.renew()
    members.forget(id)
    return { erased: this.#erase(node, primary) }
  }

  /** What an earlier keeper has not come to, or an attempt of ours. */
  #finishRemovals(now: number): void {
    const { members, record } = this.#state
    const { leaving = [], nodes, primary } = record()
    for (const id of leaving) {
      const waits = this.#erasing.has(id) || this.#isPutOff(`erase ${id}`, now)
      // A version that does not know of it may have used its name again.
      if (!waits && !nodes.includes(id)) void this.#erase(members.former(id), members.get(primary))
    }
  }

  #erase(node: ClusterNode, primary: ClusterNode): Promise<void> {
    const erased = this.#eraseAll(node, primary)
    this.#erasing.set(node.id, erased)
    return erased
  }

  async #eraseAll(node: ClusterNode, primary: ClusterNode): Promise<void> {
    const { id } = node
    const { options, record, save } = this.#state
    const { log, name, postgres } = options
    const key = `erase ${id}`
    try {
      await node.stopSoon()
      // One that another keeper has started.
      await node.endWhatRuns()
      await removeNode(node.dataDir, postgres?.pgBin)
      await dropSlot(primary, id)
      save({ ...record(), leaving: record().leaving?.filter((other) => other !== id) ?? [] })
      this.#pauses.delete(key)
    } catch (error) {
      const waitMs = this.#putOff(key)
      log.warn(
        { cluster: name, node: id, err: error, waitMs },
        'a standby was taken out, and something of it is left',
      )
    } finally {
      this.#erasing.delete(id)
    }
  }

  #standbys(now: number): Standby[] {
    const { members, record } = this.#state
    const { primary, building } = record()
    const { seen } = members.get(primary)
    // What it was before says nothing of how long it is away when it is a standby again.
    this.#streamedAt.delete(primary)
    return members.all
      .filter(({ id }) => id !== primary)
      .map((node): Standby => {
        const view = node.view(building.includes(node.id))
        const sender = this.#senderOf(view)
        if (isStreaming({ view, sender })) this.#streamedAt.set(node.id, now)
        // A receiver is forked again and again where it gets nothing, and may be there at every look.
        const gets = sender !== undefined && RECEIVES.includes(sender.state)
        const stuck =
          view.process === 'running' &&
          view.upstream === primary &&
          !gets &&
          seen?.standby === false &&
          view.lsn !== undefined
        if (!stuck) this.#stuckSince.delete(node.id)
        else if (!this.#stuckSince.has(node.id)) this.#stuckSince.set(node.id, now)
        if (!this.#streamedAt.has(node.id)) this.#streamedAt.set(node.id, now)
        return {
          view,
          sender,
          awayMs: now - this.#streamedAt.get(node.id)!,
          stuckMs: now - (this.#stuckSince.get(node.id) ?? now),
        }
      })
  }

  #senderOf({ id, timeline }: NodeView): SenderView | undefined {
    const { members, record } = this.#state
    const { seen } = members.get(record().primary)
    // One that has gone its own way is sent what both have in common, again and again, and is streaming for a moment each time.
    return timeline === seen?.timeline ? seen?.senders.find((sender) => sender.id === id) : undefined
  }

  async #run(repair: Repair, key: string, signal: AbortSignal): Promise<void> {
    const { log, name } = this.#state.options
    try {
      await this.#do(repair, signal)
      this.#pauses.delete(key)
    } catch (error) {
      if (signal.aborted) return
      const waitMs =
        error instanceof NoRoomForCopy ? this.#putOff(`build ${key}`, NO_ROOM_MS) : this.#putOff(key)
      log.warn({ cluster: name, ...repair, err: error, waitMs }, 'a standby could not be repaired yet')
    } finally {
      this.#underWay.delete(key)
    }
  }

  #isPutOff(key: string, now: number): boolean {
    return (this.#pauses.get(key)?.until ?? 0) > now
  }

  /** @returns milliseconds before it is tried again */
  #putOff(
    key: string,
    waitMs = Math.min((this.#pauses.get(key)?.waitMs ?? RETRY_MS[0] / 2) * 2, RETRY_MS[1]),
  ): number {
    this.#pauses.set(key, { waitMs, until: this.#state.options.clock.monotonic() + waitMs })
    return waitMs
  }

  #do({ do: what, id }: Repair, signal: AbortSignal): Promise<void> {
    const { members, record, options } = this.#state
    const node = members.get(id)
    const primary = members.get(record().primary)
    if (what !== 'start')
      options.log.info({ cluster: options.name, node: id, repair: what }, 'a standby is repaired')
    switch (what) {
      case 'start':
        return this.#start(node, primary, { signal })
      case 'fence':
        return node.stop('kill')
      case 'build':
        return this.#build(node, primary, signal)
      case 'follow':
        return this.#follow(node, primary)
      case 'admit':
        return this.#count((named) => [...new Set([...named, id])], primary, signal)
      case 'cover':
        return this.#count((named) => named, primary, signal)
      case 'alone':
        return this.#counting.take(() => this.#alone(primary), signal)
      case 'dismiss':
        return this.#count((named) => named.filter((other) => other !== id), primary, signal)
    }
  }

  /** @param change of those who are named when its turn comes */
  #count(
    change: (named: readonly string[]) => readonly string[],
    primary: ClusterNode,
    signal: AbortSignal,
  ): Promise<void> {
    const { record } = this.#state
    return this.#counting.take(() => this.#name(change(record().named), primary, signal), signal)
  }

  async #start(node: ClusterNode, primary: ClusterNode, how: HowToStart): Promise<void> {
    await ensureSlot(primary, node.id)
    how.signal.throwIfAborted()
    await this.#state.members.start(node.id, this.#state.record(), how)
    // Of the time when it was primary; they would hold back its log.
    await node.query('select pg_drop_replication_slot(slot_name) from pg_replication_slots where not active')
  }

  async #follow(node: ClusterNode, primary: ClusterNode): Promise<void> {
    const { epoch } = this.#state.record()
    await ensureSlot(primary, node.id)
    if (this.#state.record().epoch !== epoch) return
    node.apply(this.#state.members.role(node.id, this.#state.record(), primary), primary.id)
  }

  async #build(node: ClusterNode, primary: ClusterNode, signal: AbortSignal): Promise<void> {
    const { id } = node
    const mayGo = (): boolean => {
      const now = this.#state.options.clock.monotonic()
      return mayBeReplaced(this.#state.record(), this.#standbys(now), this.#serving(now), id)
    }
    const start = (how: HowToStart): Promise<void> => this.#start(node, primary, how)
    await build(this.#state, { node, primary, signal, mayGo, start })
  }

  /** Commits go on without a standby. The record first: from now on the primary alone has everything. */
  async #alone(primary: ClusterNode): Promise<void> {
    const { record, save, options } = this.#state
    if (record().primary !== primary.id) return
    this.#requireUnchanged()
    save({ ...record(), named: [], synchronous: [] })
    this.renew()
    await settle(this.#state, primary, 'going on alone', () => primary.seen?.names === '')
    options.log.warn(
      { cluster: options.name, node: primary.id },
      'no standby is there: commits are acknowledged by the disk of the primary alone, as `durability: available` asks for',
    )
  }

  /**
   * Changes whom commits wait for. Whoever decides after our death must ask all who may have something alone: the record is
   * enlarged first, and shrinks when one of the named has everything that was acknowledged until they counted. That is given
   * up when nobody is left who could have it: the record stays large, and true.
   *
   * @param signal gives it up when they are named
   */
  async #name(named: readonly string[], primary: ClusterNode, signal: AbortSignal): Promise<void> {
    const { record, save, members } = this.#state
    if (record().primary !== primary.id || named.length === 0) return
    this.#requireUnchanged()
    const { synchronous } = record()
    // What it shows says nothing of that: the names may be newer than what its sessions go by.
    const mayBeAlone = synchronous.length === 0
    const union = synchronous.length === 0 ? [] : [...new Set([...synchronous, ...named])]
    save({ ...record(), named, synchronous: union })
    this.renew()
    const names = synchronousNames(members.role(primary.id, record()).synchronous)
    const inEffect = (): boolean => primary.seen?.names === names && this.#unnamedAreSilent(named, primary)
    await settle(this.#state, primary, 'naming its standbys', inEffect)
    // Sessions learn from the checkpointer that there is anybody to wait for: until it has read that, some wait for none.
    if (mayBeAlone) await primary.query('checkpoint', [], CHECKPOINT_MS_MAX)
    await primary.look()
    const end = primary.seen?.lsn ?? 0n
    await this.#covered(named, primary, end, signal)
    if (record().primary !== primary.id) return
    this.#requireUnchanged()
    save({ ...record(), synchronous: named })
  }

  /** The one that is to be the next primary is one of those that count, and stays it. */
  #requireUnchanged(): void {
    const { promoting } = this.#state.record()
    if (promoting) throw new Error(`${promoting.id} is about to become primary`)
  }

  /** Until one of the named has all log up to there. @throws Error when none of them streams, or the signal's reason */
  async #covered(
    named: readonly string[],
    primary: ClusterNode,
    end: Lsn,
    signal: AbortSignal,
  ): Promise<void> {
    const { members, record, options } = this.#state
    const { clock } = options
    let streamedAt = clock.monotonic()
    let lookedAt = streamedAt
    // Also where nobody else does meanwhile: whoever is not asked seems to hang.
    const look = async (): Promise<void> => {
      await primary.look()
      if (clock.monotonic() - lookedAt < LOOK_MS) return
      await members.look()
      lookedAt = clock.monotonic()
    }
    const streams = (id: string): boolean => {
      const view = members.get(id).view(record().building.includes(id))
      return isStreaming({ view, sender: this.#senderOf(view) })
    }
    const covered = (): boolean => {
      if ((primary.seen?.senders ?? []).some(({ id, flushed }) => named.includes(id) && flushed >= end))
        return true
      const now = clock.monotonic()
      if (named.some(streams)) streamedAt = now
      if (now - streamedAt > NOBODY_MS_MAX) throw new Error(`none of ${named.join(', ')} streams`)
      return false
    }
    await settle(this.#state, primary, 'bringing its standbys up to date', covered, {
      msMax: CATCH_UP_MS_MAX,
      look,
      signal,
    })
  }

  /** PostgreSQL's senders learn of new names one by one; until then they release commits by the old ones. */
  #unnamedAreSilent(named: readonly string[], primary: ClusterNode): boolean {
    return (primary.seen?.senders ?? []).every(({ id, priority }) => named.includes(id) || priority === 0)
  }
}
