import type { DeliveredEffects, Follower, FollowerPosition } from '../../core/effects.ts'
import type { Batches } from './batches.ts'
import type { Channel } from './channel.ts'
import { type Down, Malformed } from './messages.ts'
import type { Term } from './term.ts'
import type { Ticks } from './ticks.ts'

/**
 * Bytes that may wait to be sent to a subscriber, when another position is added. Batches are bounded otherwise: each is
 * acknowledged before there is another.
 */
const BACKLOG_BYTES_MAX = 2 ** 20

/** What a {@link RemoteFollower} works with. */
export interface RemoteParts {
  readonly cluster: string
  readonly name: string
  readonly channel: Channel<Down>
  readonly batches: Batches
  readonly ticks: Ticks
  /** The relay's term, while it leads. */
  readonly term: () => Term | undefined
}

/** A subscriber as the relay of one cluster sees it. */
export class RemoteFollower implements Follower {
  readonly name: string
  readonly #parts: RemoteParts
  #waiting: { readonly number: number; readonly resolve: () => void } | undefined
  #closed = false
  #spoke = false

  constructor(parts: RemoteParts) {
    this.#parts = parts
    this.name = parts.name
  }

  /** Resolves when the subscriber has applied it, or is gone and starts anew when it comes again. */
  apply(_: string, batch: readonly DeliveredEffects[]): Promise<void> | void {
    if (this.#closed) return
    const { channel, batches } = this.#parts
    const { number, messages } = batches.of(batch)
    return new Promise((resolve) => {
      this.#waiting = { number, resolve }
      for (const message of messages) channel.send(message)
    })
  }

  /** The subscriber has applied this batch. @throws Malformed when there is no such batch */
  applied(number: number): void {
    if (this.#waiting?.number !== number) throw new Malformed('an acknowledgement of what was not sent')
    this.#waiting.resolve()
    this.#waiting = undefined
  }

  advance(cluster: string, { lsn, timeline, takenAt }: FollowerPosition): void {
    const { channel, ticks } = this.#parts
    // Not the last one here now: much may have happened since the LSN was noted, to this process too.
    const tick = ticks.before(takenAt)
    if (tick === undefined) return
    this.#spoke = true
    channel.send({ kind: 'position', cluster, lsn, timeline, tick })
    if (channel.backlogBytes > BACKLOG_BYTES_MAX && this.#waiting === undefined)
      channel.close('it does not take what is sent')
  }

  reset(cluster: string): void {
    const term = this.#parts.term()
    if (term !== undefined) this.#parts.channel.send({ kind: 'begin', cluster, term })
  }

  /** Whether it was given a position since this was last asked. */
  spoke(): boolean {
    const spoke = this.#spoke
    this.#spoke = false
    return spoke
  }

  /** The relay leads no longer. */
  end(): void {
    const { channel, cluster } = this.#parts
    channel.send({ kind: 'end', cluster })
  }

  cutOff(reason: string): void {
    this.#parts.channel.close(`it did not apply effects: ${reason}`)
  }

  /** The connection is gone; nobody waits for it. */
  close(): void {
    this.#closed = true
    this.#waiting?.resolve()
    this.#waiting = undefined
  }
}
