import type { Clock } from '../../core/clock.ts'
import type { Channel, Connect } from './channel.ts'
import { isProof, proof } from './credentials.ts'
import type { LedCluster } from './led-cluster.ts'
import { type Down, Malformed, type Up, VERSION } from './messages.ts'
import type { RemoteFollower } from './remote-follower.ts'
import { Ticks } from './ticks.ts'

/** Milliseconds within which a connection has to say who it is, and a subscriber has to be heard again. */
export const SILENCE_MS = 3_000

/** What a {@link Reception} works with. */
export interface ReceptionParts {
  readonly connect: Connect<Up, Down>
  readonly clusters: ReadonlyMap<string, LedCluster>
  readonly clock: Clock
  /** Random, and not used before. */
  readonly nonce: string
  readonly secret: Buffer | undefined
  readonly onClosed: (name: string, reason: string) => void
}

/** A connection to the relay: somebody unknown, then a subscriber. */
export class Reception {
  readonly #parts: ReceptionParts
  readonly #channel: Channel<Down>
  readonly #ticks = new Ticks()
  readonly #followers = new Map<string, RemoteFollower>()
  #name: string | undefined
  #heardAt: number

  constructor(parts: ReceptionParts) {
    this.#parts = parts
    this.#heardAt = parts.clock.monotonic()
    this.#channel = parts.connect({
      message: (message) => this.#message(message),
      closed: (reason) => this.#closed(reason),
    })
    this.#channel.send({ kind: 'challenge', nonce: parts.nonce })
  }

  /** Whether it has said who it is. */
  get follows(): boolean {
    return this.#name !== undefined
  }

  close(reason: string): void {
    this.#channel.close(reason)
  }

  /** Called now and then: a subscriber that is not heard of is not waited for. */
  look(): void {
    if (this.#parts.clock.monotonic() - this.#heardAt > SILENCE_MS) this.close('it is silent')
    else if (this.follows && !this.#spoke()) this.#channel.send({ kind: 'alive' })
  }

  #spoke(): boolean {
    let spoke = false
    for (const follower of this.#followers.values()) spoke = follower.spoke() || spoke
    return spoke
  }

  #message(message: Up): void {
    this.#heardAt = this.#parts.clock.monotonic()
    if (message.kind === 'hello') {
      this.#greet(message)
      return
    }
    if (!this.follows) throw new Malformed('a message of somebody unknown')
    switch (message.kind) {
      case 'tick':
        this.#ticks.note(message.tick, this.#heardAt)
        break
      case 'demand':
        this.#cluster(message.cluster).demand(message.lsn)
        break
      case 'nudge':
        this.#cluster(message.cluster).nudge(message.given)
        break
      case 'applied':
        this.#followers.get(message.cluster)?.applied(message.batch)
    }
  }

  #greet({ version, name, nonce, proof: given, clusters }: Extract<Up, { kind: 'hello' }>): void {
    const { secret, nonce: own } = this.#parts
    if (this.follows) throw new Malformed('a second greeting')
    if (version !== VERSION) throw new Malformed(`version ${version} of the protocol; this is ${VERSION}`)
    if (!isProof(given, proof(secret, 'subscriber', own, nonce)))
      throw new Malformed('it does not know the secret')
    this.#name = name
    this.#channel.send({ kind: 'welcome', proof: proof(secret, 'relay', own, nonce) })
    for (const cluster of new Set(clusters)) {
      const follower = this.#parts.clusters.get(cluster)?.join(name, this.#channel, this.#ticks)
      if (follower) this.#followers.set(cluster, follower)
    }
  }

  #cluster(name: string): LedCluster {
    const cluster = this.#parts.clusters.get(name)
    if (!this.#followers.has(name) || !cluster) throw new Malformed('a cluster that it does not follow')
    return cluster
  }

  #closed(reason: string): void {
    for (const [cluster, follower] of this.#followers) this.#parts.clusters.get(cluster)?.leave(follower)
    this.#followers.clear()
    this.#parts.onClosed(this.#name ?? 'somebody unknown', reason)
  }
}
