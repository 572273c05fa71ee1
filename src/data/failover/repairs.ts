import { chooseAccount } from '../postgres/account.ts'
import { baseBackup } from '../replication/base-backup.ts'
import { synchronousNames } from '../replication/settings.ts'
import { type ClusterState, settle } from './cluster-state.ts'
import type { ClusterNode } from './node.ts'
import { ensureSlot } from './promotion.ts'
import { type Repair, type Standby, tend } from './tend.ts'

/** Milliseconds before a repair that failed is tried again: doubled from the first to the second. */
const RETRY_MS = [100, 5_000] as const
/** Milliseconds for the others to have what the dismissed one may have had alone. */
const CATCH_UP_MS_MAX = 30_000

/** Does what `tend` asks for, beside the keeper's own steps; one thing at a time for each node. */
export class Repairs {
  readonly #state: ClusterState
  readonly #underWay = new Map<string, Promise<void>>()
  /** Changes of who counts are made one after another. */
  #counting: Promise<void> = Promise.resolve()
  readonly #streamedAt = new Map<string, number>()
  readonly #stuckSince = new Map<string, number>()
  readonly #pauses = new Map<string, { waitMs: number; until: number }>()

  constructor(state: ClusterState) {
    this.#state = state
  }

  /** Begins what is needed. */
  tend(): void {
    const now = this.#state.options.clock.monotonic()
    const standbys = this.#standbys(now)
    for (const repair of tend(this.#state.record(), standbys)) {
      const key = repair.do === 'dismiss' ? `dismiss ${repair.id}` : repair.id
      if (this.#underWay.has(key) || (this.#pauses.get(key)?.until ?? 0) > now) continue
      this.#underWay.set(key, this.#run(repair, key))
    }
  }

  async settled(): Promise<void> {
    await Promise.all([...this.#underWay.values(), this.#counting])
  }

  #standbys(now: number): Standby[] {
    const { members, record } = this.#state
    const { primary, building } = record()
    const senders = members.get(primary).seen?.senders ?? []
    return members.all
      .filter(({ id }) => id !== primary)
      .map((node): Standby => {
        const view = node.view(building.includes(node.id))
        const sender = senders.find(({ id }) => id === node.id)
        if (sender?.state === 'streaming') this.#streamedAt.set(node.id, now)
        const stuck =
          view.process === 'running' &&
          view.upstream === primary &&
          view.receiving === false &&
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

  async #run(repair: Repair, key: string): Promise<void> {
    const { options, signal } = this.#state
    const { log, name, clock } = options
    try {
      await this.#do(repair)
      this.#pauses.delete(key)
    } catch (error) {
      const waitMs = Math.min((this.#pauses.get(key)?.waitMs ?? RETRY_MS[0] / 2) * 2, RETRY_MS[1])
      this.#pauses.set(key, { waitMs, until: clock.monotonic() + waitMs })
      if (!signal.aborted)
        log.warn({ cluster: name, ...repair, err: error, waitMs }, 'a standby could not be repaired yet')
    } finally {
      this.#underWay.delete(key)
    }
  }

  #do({ do: what, id }: Repair): Promise<void> {
    const { members, record, options } = this.#state
    const node = members.get(id)
    const primary = members.get(record().primary)
    if (what !== 'start')
      options.log.info({ cluster: options.name, node: id, repair: what }, 'a standby is repaired')
    switch (what) {
      case 'start':
        return this.#start(node, primary)
      case 'fence':
        return node.stop('kill')
      case 'build':
        return this.#build(node, primary)
      case 'follow':
        return this.#follow(node, primary)
      case 'admit':
        return this.#count(() => this.#admit(node, primary))
      case 'dismiss':
        return this.#count(() => this.#dismiss(node, primary))
    }
  }

  #count(change: () => Promise<void>): Promise<void> {
    const changed = this.#counting.then(change)
    this.#counting = changed.catch(() => {})
    return changed
  }

  async #start(node: ClusterNode, primary: ClusterNode): Promise<void> {
    await ensureSlot(primary, node.id)
    await this.#state.members.start(node.id, this.#state.record())
    // Of the time when it was primary; they would hold back its log.
    await node.query('select pg_drop_replication_slot(slot_name) from pg_replication_slots where not active')
  }

  async #follow(node: ClusterNode, primary: ClusterNode): Promise<void> {
    await ensureSlot(primary, node.id)
    node.apply(this.#state.members.role(node.id, this.#state.record(), primary.address), primary.id)
  }

  async #build(node: ClusterNode, primary: ClusterNode): Promise<void> {
    const { record, save, signal, options } = this.#state
    const { id } = node
    await node.stop('immediate')
    save({ ...record(), building: [...new Set([...record().building, id])] })
    const progress = { files: 0, bytes: 0 }
    const startedAt = options.clock.monotonic()
    await baseBackup({
      primary: primary.address!,
      primaryDir: primary.dataDir,
      id,
      dataDir: node.dataDir,
      account: chooseAccount(primary.dataDir),
      signal,
      progress,
    })
    node.made()
    save({ ...record(), building: record().building.filter((other) => other !== id) })
    const ms = Math.round(options.clock.monotonic() - startedAt)
    options.log.info({ cluster: options.name, node: id, ...progress, ms }, 'a replica was made')
    await this.#start(node, this.#state.members.get(record().primary))
  }

  /** The record first: from then on whoever decides asks this standby, too. */
  async #admit({ id }: ClusterNode, primary: ClusterNode): Promise<void> {
    const { record, save, members } = this.#state
    if (record().primary !== primary.id || record().synchronous.includes(id)) return
    save({ ...record(), synchronous: [...record().synchronous, id] })
    await this.#name(primary, members.role(primary.id, record()).synchronous)
  }

  /**
   * Commits stop counting its word first; it stays in the record until another has everything that was acknowledged
   * until then.
   */
  async #dismiss({ id }: ClusterNode, primary: ClusterNode): Promise<void> {
    const { record, save, members } = this.#state
    const rest = record().synchronous.filter((other) => other !== id)
    if (record().primary !== primary.id || rest.length === 0) return
    await this.#name(primary, rest)
    const senders = () => primary.seen?.senders ?? []
    await settle(this.#state, primary, `ending the word of ${id}`, () =>
      senders().every((one) => one.id !== id || one.priority === 0),
    )
    const end = primary.seen?.lsn ?? 0n
    const covered = (): boolean => senders().some((one) => rest.includes(one.id) && one.flushed >= end)
    await settle(this.#state, primary, `covering what ${id} had`, covered, CATCH_UP_MS_MAX)
    if (record().primary !== primary.id) return
    save({ ...record(), synchronous: record().synchronous.filter((other) => other !== id) })
    members.get(primary.id).apply(members.role(primary.id, record()))
  }

  async #name(primary: ClusterNode, synchronous: readonly string[]): Promise<void> {
    primary.apply({ ...this.#state.members.role(primary.id, this.#state.record()), synchronous })
    await settle(
      this.#state,
      primary,
      'naming its standbys',
      () => primary.seen?.names === synchronousNames(synchronous),
    )
  }
}
