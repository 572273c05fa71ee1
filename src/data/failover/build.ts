import { rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { chooseAccount } from '../postgres/account.ts'
import { releaseSharedMemory } from '../postgres/shared-memory.ts'
import { START_MS_MAX } from '../postgres/types.ts'
import { baseBackup } from '../replication/base-backup.ts'
import { copySize } from '../replication/folder-copy.ts'
import { folderSize, freeAt, NoRoomForCopy, reserveFor } from '../replication/room.ts'
import type { ClusterState } from './cluster-state.ts'
import type { ClusterNode, NodeStart } from './node.ts'
import { whileItMoves } from './patience.ts'

/** Milliseconds for the primary to prove that it serves before a copy is thrown away, and between two looks. */
const PROOF_MS_MAX = 10_000
const PROOF_POLL_MS = 100

export type HowToStart = Pick<NodeStart, 'signal' | 'startMsMax'> & { readonly signal: AbortSignal }

interface Building {
  readonly node: ClusterNode
  readonly primary: ClusterNode
  readonly signal: AbortSignal
  /** Whether what its folder holds is certainly elsewhere. */
  readonly mayGo: () => boolean
  /** Starts it as a standby of the primary. */
  readonly start: (how: HowToStart) => Promise<void>
}

/**
 * Makes a standby anew from the primary. A folder that is whole may be all that is left of a primary that is lost: it stands, and can be
 * started, until its copy is whole, unless there is no room for both.
 *
 * @throws NoRoomForCopy when there is no room for one; nothing was changed then
 */
export async function build(state: ClusterState, building: Building): Promise<void> {
  const { record, save, options, members } = state
  const { node, primary, signal } = building
  const { id, dataDir } = node
  const { epoch } = record()
  const claim = new Claim(state, building)
  const { pid } = node
  const { reserve, isTight } = await requireRoom(primary, node, signal)
  // Long after it was decided, where there are many files.
  claim.requireSame(pid)
  if (node.isWhole) claim.requireElsewhere()
  await node.stop('immediate')
  claim.requireSame(undefined)
  // One that is not ours holds the slot, and would write to the folder.
  await node.endWhatRuns()
  claim.requireSame(undefined)
  if (!node.isWhole) claim.mark()
  const account = chooseAccount(primary.dataDir)
  await releaseSharedMemory({ dataDir, pgBin: options.postgres?.pgBin, account })
  const progress = { files: 0, bytes: 0 }
  const startedAt = options.clock.monotonic()
  members.copying.add(id)
  try {
    members.keepLog(primary, record())
    if (isTight) {
      claim.giveUp()
      await rm(dataDir, { recursive: true, force: true })
    }
    await baseBackup({
      primary: primary.address!,
      primaryDir: primary.dataDir,
      id,
      dataDir,
      account,
      signal,
      progress,
      reserve,
      replace: () => claim.giveUpSoon(),
    })
    node.made()
    const ms = Math.round(options.clock.monotonic() - startedAt)
    options.log.info({ cluster: options.name, node: id, ...progress, ms }, 'a replica was made')
    await startCopy(state, building)
    // Of use only now: what was written while it was copied has come. Another primary may have said meanwhile that it is of none.
    if (record().epoch === epoch)
      save({ ...record(), building: record().building.filter((other) => other !== id) })
  } finally {
    members.copying.delete(id)
    members.keepLog(primary, record())
  }
}

/** Whether the folder of a standby is ours to replace: it may be needed again at any moment until it is marked. */
class Claim {
  readonly #state: ClusterState
  readonly #building: Building
  readonly #epoch: number

  constructor(state: ClusterState, building: Building) {
    this.#state = state
    this.#building = building
    this.#epoch = state.record().epoch
  }

  get #isMarked(): boolean {
    return this.#state.record().building.includes(this.#building.node.id)
  }

  /** Of no use from now on, whatever becomes of it. */
  mark(): void {
    const { record, save } = this.#state
    if (!this.#isMarked) save({ ...record(), building: [...record().building, this.#building.node.id] })
  }

  /** @param pid of its server, as we know it: the keeper starts it, or has made it the primary, where it is needed */
  requireSame(pid: number | undefined): void {
    const { node, signal } = this.#building
    signal.throwIfAborted()
    if (this.#isMarked) return
    const isOurs = this.#state.record().epoch === this.#epoch && node.pid === pid && !node.isStarting
    if (!isOurs) throw new Error(`${node.id} was started while it was to be copied`)
  }

  requireElsewhere(): void {
    const { node, mayGo } = this.#building
    if (!this.#isMarked && !mayGo()) throw new Error(`what ${node.id} has may be nowhere else`)
  }

  giveUp(): void {
    this.requireSame(undefined)
    this.requireElsewhere()
    this.mark()
  }

  /** A disk that has just taken a whole copy may keep the primary from proving for a moment that it serves. */
  async giveUpSoon(): Promise<void> {
    const { clock } = this.#state.options
    const { mayGo, signal } = this.#building
    const until = clock.monotonic() + PROOF_MS_MAX
    while (!this.#isMarked && !mayGo() && clock.monotonic() < until)
      await clock.sleep(PROOF_POLL_MS, { signal })
    this.giveUp()
  }
}

/**
 * @returns bytes that shall stay free, and whether there is room for a copy only where the present folder is
 * @throws NoRoomForCopy, or the signal's reason
 */
async function requireRoom(
  primary: ClusterNode,
  { dataDir }: ClusterNode,
  signal: AbortSignal,
): Promise<{ readonly reserve: number; readonly isTight: boolean }> {
  const size = await copySize(primary.dataDir, signal)
  const reserve = reserveFor(size)
  const needed = size + reserve
  const free = await freeAt(dirname(dataDir))
  if (free >= needed) return { reserve, isTight: false }
  if (free + (await folderSize(dataDir, signal)) < needed) throw new NoRoomForCopy({ needed, free })
  return { reserve, isTight: true }
}

/** However much it has to receive until it is whole: it is waited for as long as it replays any of it. */
async function startCopy(state: ClusterState, { node, primary, signal, start }: Building): Promise<void> {
  const { clock, postgres } = state.options
  let reached = 0n
  await whileItMoves((silence) => start({ signal: silence, startMsMax: Number.POSITIVE_INFINITY }), {
    // One that asks for what is gone is there for a moment again and again; and what is received is replayed, unless that hangs.
    where: () => {
      const { replayed = 0n } = primary.seen?.senders.find(({ id }) => id === node.id) ?? {}
      if (replayed > reached) reached = replayed
      return reached
    },
    msMax: postgres?.startTimeoutMs ?? START_MS_MAX,
    clock,
    signal,
  })
}
