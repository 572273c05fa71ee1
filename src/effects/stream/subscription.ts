import type { Clock, Timer } from '../../core/clock.ts'
import type { Logger } from '../../core/log.ts'
import type { RandomSource } from '../../core/random.ts'
import type { Channel, Connect } from './channel.ts'
import { isProof, NONCE_BYTES, proof } from './credentials.ts'
import type { FollowedCluster, Upstream } from './followed-cluster.ts'
import { type Down, Malformed, type Up, VERSION } from './messages.ts'

const BACKOFF_MS_MIN = 50
const BACKOFF_MS_MAX = 1_000
/** Milliseconds that a connection has to hold before the next loss is the first again. */
const STEADY_MS = 1_000
/** Milliseconds without a word after which a relay is given up. It speaks once a second. */
const SILENCE_MS = 3_000
/** Milliseconds between two ticks when nobody reads: so old is the first position that a reader finds, about. */
const HEARTBEAT_MS = 500

/** How one relay is reached. */
export interface Door {
  /** For the log. */
  readonly name: string
  readonly connect: Connect<Down, Up>
  /** Calls once when the door may have opened. @returns what ends the watch */
  readonly watch?: (opened: () => void) => () => void
}

/** What a {@link Subscription} works with. */
export interface SubscriptionParts {
  readonly door: Door
  /** Of this process, for the relay's log. */
  readonly name: string
  readonly clusters: ReadonlyMap<string, FollowedCluster>
  readonly secret: Buffer | undefined
  readonly clock: Clock
  readonly random: RandomSource
  readonly log: Logger
}

type State = 'stopped' | 'waiting' | 'greeting' | 'proving' | 'following'

/**
 * The connection to one relay: made again whenever it is lost.
 *
 *     waiting ──▶ greeting ──challenge──▶ proving ──welcome──▶ following
 *        ▲            └──────────────────────┴──────── lost ───────┘
 */
export class Subscription implements Upstream {
  readonly #parts: SubscriptionParts
  #state: State = 'stopped'
  #channel: Channel<Up> | undefined
  #timer: Timer | undefined
  #unwatch: (() => void) | undefined
  #losses = 0
  /** Monotonic milliseconds. */
  #heardAt = 0
  #followsSince = Number.POSITIVE_INFINITY
  #nonces = { relay: '', own: '' }

  constructor(parts: SubscriptionParts) {
    this.#parts = parts
  }

  start(): void {
    this.#connect()
  }

  stop(): void {
    this.#state = 'stopped'
    this.#rest()
    this.#channel?.close('this process stops')
  }

  get follows(): boolean {
    return this.#state === 'following'
  }

  /** See {@link Upstream}. Before the relay has said who it is, nothing is sent. */
  send(message: Up): void {
    if (this.follows) this.#channel?.send(message)
  }

  close(reason: string): void {
    this.#channel?.close(reason)
  }

  #connect(): void {
    this.#rest()
    this.#state = 'greeting'
    this.#heardAt = this.#parts.clock.monotonic()
    const channel = this.#parts.door.connect({
      message: (message) => this.#message(message),
      closed: (reason) => this.#lost(reason),
    })
    // It may have been lost already.
    if (this.#state !== 'greeting') return
    this.#channel = channel
    this.#beat()
  }

  #beat(): void {
    const { clock } = this.#parts
    this.#timer = clock.timer(HEARTBEAT_MS, () => {
      if (clock.monotonic() - this.#heardAt > SILENCE_MS) this.close('the relay is silent')
      else {
        this.send({ kind: 'tick', tick: clock.monotonic() })
        this.#beat()
      }
    })
  }

  #message(message: Down): void {
    this.#heardAt = this.#parts.clock.monotonic()
    if (message.kind === 'challenge' && this.#state === 'greeting') this.#hello(message.nonce)
    else if (message.kind === 'welcome' && this.#state === 'proving') this.#welcome(message.proof)
    else if (this.follows) this.#heed(message)
    else throw new Malformed(`${message.kind} out of turn`)
  }

  #heed(message: Down): void {
    switch (message.kind) {
      case 'begin':
        this.#cluster(message.cluster).begin(this, message.term)
        break
      case 'effects':
        this.#cluster(message.cluster).effects(this, message)
        break
      case 'position':
        // Ahead of this process's own time, it would count as young for too long.
        if (message.tick > this.#heardAt) throw new Malformed('a tick that was not sent')
        this.#cluster(message.cluster).advance(this, message)
        break
      case 'end':
        this.#cluster(message.cluster).end(this)
        break
      case 'alive':
        break
      default:
        throw new Malformed(`${message.kind} out of turn`)
    }
  }

  #hello(relayNonce: string): void {
    const { random, secret, name, clusters } = this.#parts
    const own = random.bytes(NONCE_BYTES).toString('hex')
    this.#nonces = { relay: relayNonce, own }
    this.#state = 'proving'
    this.#channel?.send({
      kind: 'hello',
      version: VERSION,
      name,
      nonce: own,
      proof: proof(secret, 'subscriber', relayNonce, own),
      clusters: [...clusters.keys()],
    })
  }

  #welcome(given: string): void {
    const { secret, clock, log, door } = this.#parts
    const { relay, own } = this.#nonces
    if (!isProof(given, proof(secret, 'relay', relay, own)))
      throw new Malformed('it does not know the secret')
    this.#state = 'following'
    this.#followsSince = clock.monotonic()
    log.info({ relay: door.name }, 'the relay is connected')
    // Without a tick it could not say how old its first position is.
    this.send({ kind: 'tick', tick: clock.monotonic() })
  }

  #cluster(name: string): FollowedCluster {
    const cluster = this.#parts.clusters.get(name)
    if (!cluster) throw new Malformed('a cluster that was not asked for')
    return cluster
  }

  #lost(reason: string): void {
    const { clusters, clock, random, door, log } = this.#parts
    for (const cluster of clusters.values()) cluster.end(this)
    this.#channel = undefined
    if (this.#state === 'stopped') return
    if (clock.monotonic() - this.#followsSince > STEADY_MS) this.#losses = 0
    this.#followsSince = Number.POSITIVE_INFINITY
    this.#losses++
    if (this.#losses === 1)
      log.info(
        { relay: door.name, reason },
        'a relay cannot be reached; until one leads, cached values come from the database',
      )
    this.#state = 'waiting'
    this.#rest()
    const waitMs = Math.min(BACKOFF_MS_MAX, BACKOFF_MS_MIN * 2 ** Math.min(this.#losses - 1, 10))
    this.#timer = clock.timer(waitMs * (0.5 + random.next() / 2), () => this.#connect())
    this.#unwatch = door.watch?.(() => {
      this.#losses = 1
      this.#connect()
    })
  }

  #rest(): void {
    this.#timer?.cancel()
    this.#unwatch?.()
    this.#unwatch = undefined
  }
}
