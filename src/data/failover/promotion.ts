import { isDeepStrictEqual } from 'node:util'
import type { Timer } from '../../core/clock.ts'
import { formatLsn, type Lsn } from '../../core/lsn.ts'
import type { StopMode } from '../postgres/types.ts'
import { slotOf, synchronousNames } from '../replication/settings.ts'
import { type ClusterState, settle } from './cluster-state.ts'
import { shutdownCheckpoint } from './control-file.ts'
import { SwitchoverRefused } from './errors.ts'
import { keepFolder, type LossNote, lostFolder } from './lost.ts'
import type { ClusterNode } from './node.ts'
import type { Promotable } from './record.ts'
import { leftTimeline, newestTimeline } from './timeline-history.ts'
import type { SenderView } from './view.ts'

const CHECKPOINT_MS_MAX = 120_000
/** Failovers with loss that are told of: a session that has seen more than one has forgotten it by then. */
const LOSSES_KEPT = 20
/** Milliseconds that a commit may take for a primary to count as calm, and how many are tried. */
const CALM_MS = 5
const CALM_COMMITS_MAX = 20
/** Milliseconds between two looks at a primary that shuts down. */
const POLL_MS = 2
/** Milliseconds for a shutdown in order; a standby that takes no more log would hold it up. Then it is a failover. */
const SHUTDOWN_MS_MAX = 1_000

/**
 * Milliseconds for a standby to be what it was told to be. Each failure doubles them, up to the second: what takes so long on a
 * slow machine comes to its end some time.
 */
const OBEY_MS = [4_000, 60_000] as const
/** First and last pause between two calls upon a standby to go on, in milliseconds, and for how long. */
const CALL_MS = [2, 50] as const
const HURRY_MS_MAX = 1_000

/** The steps by which another node becomes primary; `decide` puts them in order. */
export class Promotion {
  readonly #state: ClusterState
  /** How often standbys have failed to be what they were told to be since a primary served. */
  readonly #failures = new Map<string, number>()
  /** Whom no former keeper can have asked any more. */
  readonly #begun = new Set<string>()

  constructor(state: ClusterState) {
    this.#state = state
  }

  get failures(): ReadonlyMap<string, number> {
    return this.#failures
  }

  /** It was ended or started: what a former keeper may have asked of it is forgotten. */
  renewed(id: string): void {
    this.#begun.add(id)
  }

  /** A primary serves. */
  forgive(): void {
    this.#failures.clear()
  }

  /**
   * Shuts the primary down in order, so that its standbys have all of its log and it can follow one of them. A checkpoint
   * before leaves the one at the end little to write. The last record of a shutdown comes after the end of every session: who has
   * it is promoted while the old primary clears up. Whatever does not come to its end here, `decide` ends.
   */
  async handOver(): Promise<void> {
    const { members, record, options } = this.#state
    const primary = members.get(record().primary)
    const counting = this.#counting()
    if (counting === undefined) throw new SwitchoverRefused(primary.id)
    const refused = (error: unknown): never => {
      throw new SwitchoverRefused(primary.id, { cause: error })
    }
    await primary.query('checkpoint', [], CHECKPOINT_MS_MAX).catch(refused)
    // Its standbys receive the segment in which the new timeline begins once more: an almost empty one.
    await primary.query('select pg_switch_wal()').catch(refused)
    // What the next primary needs is there before anybody waits for it.
    const best = counting.reduce((one, other) => (other.flushed > one.flushed ? other : one))
    const named = record().synchronous.filter((id) => id !== best.id)
    // The primary serves: nobody is ended who is only slow.
    await this.#prepare(members.get(best.id), named, OBEY_MS[0]).catch(refused)
    await this.#calm(primary).catch(refused)
    if (!record().synchronous.includes(best.id)) throw new SwitchoverRefused(primary.id)
    this.#begin({ id: best.id, named, rebuild: [] })
    const sooner = (mode: StopMode, ms: number): Timer =>
      options.clock.timer(ms, () => void primary.stop(mode).catch(() => {}))
    // One that hangs by now takes nothing but the last.
    const hurry = [sooner('immediate', SHUTDOWN_MS_MAX), sooner('kill', 2 * SHUTDOWN_MS_MAX)]
    const stopped = primary.stop('fast')
    try {
      if (await this.#hasAll(members.get(best.id), primary, stopped))
        await this.#promotePrepared({ id: best.id, named, rebuild: [] })
    } catch (error) {
      options.log.warn(
        { cluster: options.name, node: best.id, err: error },
        'a switchover becomes a failover',
      )
    }
    await stopped.finally(() => {
      for (const timer of hurry) timer.cancel()
    })
  }

  /** Until commits take no longer than usual: who is interrupted while all make a new segment waits for that, too, and then again. */
  async #calm(primary: ClusterNode): Promise<void> {
    const { clock } = this.#state.options
    for (let commits = 0; commits < CALM_COMMITS_MAX; commits++) {
      const startedAt = clock.monotonic()
      await primary.query("select pg_logical_emit_message(true, 'tenfold', '')")
      if (clock.monotonic() - startedAt <= CALM_MS) return
    }
  }

  /** Whether all that count are there: if anything goes wrong, each of them has to be asked. */
  get mayHandOver(): boolean {
    return this.#counting() !== undefined
  }

  /** What the primary says of all that count; undefined when one of them is away, as it may not have noticed yet. */
  #counting(): SenderView[] | undefined {
    const { members, record } = this.#state
    const { primary, synchronous, building } = record()
    const counting = (members.get(primary).seen?.senders ?? []).filter(
      ({ id, state }) =>
        state === 'streaming' &&
        synchronous.includes(id) &&
        members.get(id).view(building.includes(id)).process === 'running',
    )
    return counting.length > 0 && counting.length === synchronous.length ? counting : undefined
  }

  /**
   * Whether the successor has the last record of a primary that shuts down, before that has ended. Its receiver need not have
   * ended for that: nothing follows.
   */
  async #hasAll(successor: ClusterNode, primary: ClusterNode, stopped: Promise<void>): Promise<boolean> {
    const { clock } = this.#state.options
    let hasStopped = false
    const note = (): void => {
      hasStopped = true
    }
    const over = stopped.then(note, note)
    while (!hasStopped) {
      const end = shutdownCheckpoint(primary.dataDir)
      if (end !== undefined && (await hasReplayed(successor, end.lsn))) return true
      await Promise.race([over, clock.sleep(POLL_MS)])
    }
    return false
  }

  /** Ends the log receivers of standbys: nobody can make their positions rise after this. */
  async cut(ids: readonly string[]): Promise<void> {
    const { members, record } = this.#state
    const cut = await Promise.allSettled(
      ids.map((id) => {
        const node = members.get(id)
        return this.#orEnd(node, async (msMax) => {
          node.apply(members.role(id, record()))
          const hasEnded = (): boolean => node.seen?.receiving === false
          // It looks up from its log between two records, and goes on from there if it is ended.
          await settle(this.#state, node, 'ending its receiver', hasEnded, {
            msMax,
            progress: () => node.seen?.replayed,
          })
        })
      }),
    )
    for (const one of cut) if (one.status === 'rejected') throw one.reason
  }

  /**
   * A standby of which a part hangs answers on its old sessions as if nothing were wrong, and would be told the same again for
   * ever. Ended, it has done nothing more: it is started and asked again, or another is chosen that has as much.
   * @param work is told how long it may wait
   */
  async #orEnd(node: ClusterNode, work: (msMax: number) => Promise<void>): Promise<void> {
    const failures = this.#failures.get(node.id) ?? 0
    try {
      await work(Math.min(OBEY_MS[0] * 2 ** failures, OBEY_MS[1]))
    } catch (error) {
      // Who leaves lets it go on.
      if (this.#state.signal.aborted) throw error
      await node.stop('kill')
      this.#failures.set(node.id, failures + 1)
      throw error
    }
  }

  /**
   * Makes a standby the primary. It waits for its standbys from its first commit on: their names are in effect before,
   * and they follow it already.
   */
  async promote({ id, named, rebuild, lossy = false }: Promotable): Promise<void> {
    const { members, record } = this.#state
    const node = members.get(id)
    const lost = lossy ? { lossy, ...(await endOf(node)) } : {}
    const promoting = { id, named, rebuild, ...lost }
    // What that one has by then is seen anew.
    if (await this.endFormer(id)) return
    await this.#confirm(node, lossy ? this.#running(rebuild) : record().synchronous)
    this.#begin(promoting)
    await this.#orEnd(node, (msMax) => this.#prepare(node, named, msMax))
    await this.#promotePrepared(promoting)
  }

  /**
   * Writes down who is about to become primary. Who counts stays as it is from here on: the one that is promoted may acknowledge
   * something that only those have who count. @throws Error when it is none of them any more: then it is decided anew
   */
  #begin(promoting: Promotable): void {
    const { record, save } = this.#state
    const { synchronous, primary } = record()
    if (!promoting.lossy && ![...synchronous, primary].includes(promoting.id))
      throw new Error(`${promoting.id} does not count any more`)
    if (!isDeepStrictEqual(record().promoting, promoting)) save({ ...record(), promoting })
    this.#begun.add(promoting.id)
  }

  /**
   * Whoever was to become primary for a keeper that died meanwhile may have been asked, and become it as soon as it can. Ended, it
   * does not: what it was asked is forgotten at its start. Whom this keeper has asked in vain it has ended then.
   * @param chosen who is, or is to be, the primary instead
   * @returns whether there was one
   */
  async endFormer(chosen: string): Promise<boolean> {
    const { members, record } = this.#state
    const { promoting, nodes } = record()
    if (!promoting || promoting.id === chosen || this.#begun.has(promoting.id)) return false
    if (nodes.includes(promoting.id)) await members.get(promoting.id).stop('kill')
    this.#begun.add(promoting.id)
    return true
  }

  /**
   * The primary has ended, and no receiver is left: what each says now holds for good. What it said before may be from a time
   * when it still received. @throws Error when one does not answer, or has more after all: then it is decided anew
   */
  async #confirm(chosen: ClusterNode, counting: readonly string[]): Promise<void> {
    const { members } = this.#state
    const others = counting.filter((id) => id !== chosen.id).map((id) => members.get(id))
    const [best, ...rest] = await Promise.all([chosen, ...others].map((node) => node.lookNow()))
    const end = best?.lsn ?? -1n
    const hasMore = others.find((_, at) => rest[at]!.receiving || (rest[at]!.lsn ?? end + 1n) > end)
    if (best?.standby === false) return
    if (best?.receiving || hasMore) throw new Error(`${hasMore?.id ?? chosen.id} has received more meanwhile`)
  }

  /** Standbys that run and are to follow. */
  #running(rebuild: readonly string[]): string[] {
    const { members, record } = this.#state
    return members.all
      .map((node) => node.view(record().building.includes(node.id)))
      .filter(({ id, process, standby }) => process === 'running' && standby && !rebuild.includes(id))
      .map(({ id }) => id)
  }

  async #promotePrepared(promotable: Promotable): Promise<void> {
    const { id, named } = promotable
    const { members, options } = this.#state
    const node = members.get(id)
    options.log.info({ cluster: options.name, node: id }, 'promoting a standby')
    const standbys = named.map((other) => members.get(other))
    await this.#orEnd(node, async (msMax) => {
      const asked = node.query('select pg_promote(false)', [], msMax)
      // While it is at it, its standbys turn to it.
      for (const standby of standbys) this.#turn(standby, node)
      await asked
      const promoted = settle(this.#state, node, 'its promotion', () => node.seen?.standby === false, {
        msMax,
        look: () => node.glance(),
        // It replays first all that it has.
        progress: () => node.seen?.replayed,
      })
      this.#hurry([node], promoted)
      await promoted
    })
    this.#hurry(standbys)
    await this.accept(promotable)
  }

  /** It is repaired later if it cannot be told: that is not the fault of whom it is to follow. */
  #turn(standby: ClusterNode, upstream: ClusterNode): void {
    const { members, record, options } = this.#state
    try {
      standby.apply(members.role(standby.id, record(), upstream), upstream.id)
    } catch (error) {
      options.log.warn(
        { cluster: options.name, node: standby.id, err: error },
        'a standby cannot be told whom to follow',
      )
    }
  }

  /**
   * Calls upon standbys to go on at once, again and again for a second, or until `over`. PostgreSQL's recovery pauses between
   * two attempts to receive, for up to `wal_retrieve_retry_interval`: neither a call for promotion nor a new timeline upstream
   * always ends that.
   */
  #hurry(standbys: readonly ClusterNode[], over?: Promise<unknown>): void {
    const { signal, options } = this.#state
    const { clock, log, name } = options
    let isOver = false
    const note = (): void => {
      isOver = true
    }
    over?.then(note, note)
    const call = async (): Promise<void> => {
      const until = clock.monotonic() + HURRY_MS_MAX
      for (let ms: number = CALL_MS[0]; clock.monotonic() < until; ms = Math.min(ms * 1.5, CALL_MS[1])) {
        await clock.sleep(ms, { signal })
        if (isOver) return
        for (const standby of standbys) standby.endPause()
      }
    }
    call().catch((error: unknown) => {
      if (!signal.aborted) log.warn({ cluster: name, err: error }, 'a standby cannot be called upon to go on')
    })
  }

  /** Writes down who is primary. */
  async accept({ id, named, rebuild, lostFrom, oldest, lossAt }: Promotable): Promise<void> {
    const { record, save, options, members } = this.#state
    const { promoting: _, ...before } = record()
    const old = before.primary
    const astray = old === id || this.#mayFollow(old, members.get(id)) ? rebuild : [...rebuild, old]
    const building = [...new Set([...before.building, ...astray])]
    const loss = old === id ? undefined : lossAt
    const next = {
      ...before,
      ...(loss && { losses: [...(before.losses ?? []), loss].slice(-LOSSES_KEPT) }),
      primary: id,
      named,
      // Until one of them has all that was acknowledged before, and the beginning of the new timeline: see DESIGN.md.
      synchronous: [],
      epoch: before.epoch + 1,
      building,
    }
    // Before anybody may copy over it: from the record on it is to be made anew.
    if (lostFrom !== undefined && old !== id) await this.#keep(old, before.epoch, { lostFrom, oldest })
    // That it was being promoted is written down, and that it is primary it says itself.
    save(next, { tellFirst: before.primary !== id && record().promoting?.id === id })
    options.log.warn(
      { cluster: options.name, node: id, epoch: before.epoch + 1 },
      'a cluster has another primary',
    )
  }

  /** What only the old primary had is in its folder: `tenfold recover` finds it. */
  async #keep(id: string, epoch: number, note: LossNote): Promise<void> {
    const { members, options } = this.#state
    const { dataDir } = members.get(id)
    const kept = lostFolder(dataDir, epoch)
    const isThere = await keepFolder(dataDir, kept, note)
    options.log.error(
      { cluster: options.name, node: id, kept },
      isThere
        ? 'acknowledged transactions may be lost: the old primary is not there. Its data folder is kept; see `tenfold recover`'
        : 'acknowledged transactions may be lost: the old primary is not there, nor is its data folder; see `tenfold recover`',
    )
  }

  /** A primary that was shut down in order, and whose whole log the new one has, can go on as its standby. */
  #mayFollow(old: string, successor: ClusterNode): boolean {
    const node = this.#state.members.get(old)
    if (!node.hasFolder || node.pid !== undefined) return false
    const end = shutdownCheckpoint(node.dataDir)
    if (end === undefined) return false
    // How far the new one is by now says nothing: it may have gone its own way right before that record.
    const left = leftTimeline(successor.dataDir, end.timeline)
    return left !== undefined && left > end.lsn
  }

  /** A standby gets whom it is to wait for as a primary, in effect, and a slot for each of them. */
  async #prepare(node: ClusterNode, named: readonly string[], msMax: number): Promise<void> {
    const { members, record } = this.#state
    const role = members.role(node.id, { ...record(), primary: node.id, named })
    const names = synchronousNames(role.synchronous)
    if (node.seen?.names !== names) {
      node.apply({ ...role, upstream: node.role?.upstream }, node.upstream)
      await settle(this.#state, node, 'taking its role', () => node.seen?.names === names, { msMax })
    }
    await Promise.all(named.map((other) => ensureSlot(node, other, msMax)))
  }
}

/** A slot that holds nothing back until it is used. */
export async function ensureSlot(upstream: ClusterNode, id: string, msMax?: number): Promise<void> {
  await upstream.query(
    `select pg_create_physical_replication_slot($1)
     where not exists (select from pg_replication_slots where slot_name = $1)`,
    [slotOf(id)],
    msMax,
  )
}

/** Whether a standby has replayed the record that begins there. Without an answer it has not, as far as anybody knows. */
async function hasReplayed(standby: ClusterNode, at: Lsn): Promise<boolean> {
  const [row] = await standby
    .query<{ has: boolean }>('select pg_last_wal_replay_lsn() > $1::pg_lsn as has', [formatLsn(at)])
    .catch(() => [])
  return row?.has ?? false
}

/**
 * Of a standby that has replayed all that it has: transactions from `lostFrom` on have not ended for it, nor have some from `oldest`
 * on; its log ends at `lossAt`.
 */
async function endOf(
  standby: ClusterNode,
): Promise<Pick<Required<Promotable>, 'lostFrom' | 'oldest' | 'lossAt'>> {
  const [row] = await standby.query<{ newest: string; oldest: string; lsn: string }>(
    `select pg_snapshot_xmax(pg_current_snapshot())::text as newest, pg_snapshot_xmin(pg_current_snapshot())::text as oldest,
       pg_last_wal_replay_lsn()::text as lsn`,
  )
  const { newest, oldest, lsn } = row!
  return { lostFrom: newest, oldest, lossAt: { timeline: newestTimeline(standby.dataDir), lsn } }
}
