import type { Clock } from '../../core/clock.ts'
import type { Position } from '../../core/position.ts'
import { reaches } from '../connection/span.ts'
import { Admission } from '../routing/admission.ts'
import { pick } from '../routing/pick.ts'
import { Positions } from '../routing/positions.ts'
import type { DataNode } from './node.ts'

/** Milliseconds that a read waits for a replica to catch up, before it goes to the primary. */
export const REACH_MS_MAX = 20
/** Reads on the primary at once that a replica should have answered. Most end within a millisecond. */
export const FALLBACKS_MAX = 64
/** A replica that has told its position within so many milliseconds is believed to be no further. */
const FRESH_MS = 2
/** One that is thought to be behind is asked again after so many milliseconds. */
const ASK_MS = 5

/** The replicas of a cluster, as those see them who read. */
export class Copies {
  readonly #clock: Clock
  readonly #replicas: () => readonly DataNode[]
  readonly positions: Positions
  /** Places on the primary for reads that no replica could answer. */
  readonly admission: Admission
  #turn = 0
  #answered = false

  constructor(clock: Clock, replicas: () => readonly DataNode[]) {
    this.#clock = clock
    this.#replicas = replicas
    this.positions = new Positions(clock, () => {
      for (const node of replicas()) if (!node.isLate) node.ping()
    })
    this.admission = new Admission(FALLBACKS_MAX, clock)
  }

  /** A replica has answered somebody. */
  answered(): void {
    this.#answered = true
  }

  /** Whether one has since this was asked before. */
  takeAnswered(): boolean {
    const answered = this.#answered
    this.#answered = false
    return answered
  }

  /** The replica to ask next; see {@link pick}. */
  pick(need: Position): DataNode | undefined {
    const replicas = this.#replicas()
    // One that is thought to be behind is not asked as long as another is not: it would never tell that it has caught up.
    for (const node of replicas)
      if (!node.isLate && !(node.known && reaches(node.known, need)) && !this.#isFresh(node, ASK_MS))
        node.ping()
    return pick(replicas, need, this.#turn++)
  }

  #isFresh({ toldAt }: DataNode, ms: number): boolean {
    return this.#clock.monotonic() - toldAt <= ms
  }

  /** Whether it is worth asking: it has got there, or may have since it last told. */
  isPromising(node: DataNode, need: Position): boolean {
    if (node.known === undefined || reaches(node.known, need)) return true
    return !this.#isFresh(node, FRESH_MS)
  }
}
