import type { Clock, Timer } from '../../core/clock.ts'
import type { Service } from '../../core/lifecycle.ts'
import { lifecycle } from '../../core/lifecycle.ts'
import type { Logger } from '../../core/log.ts'
import type { RandomSource } from '../../core/random.ts'
import type { SystemStatus } from '../../core/topology.ts'
import type { CounterChild } from '../../telemetry/families.ts'
import type { Connect } from './channel.ts'
import { LedCluster, type LedOptions } from './led-cluster.ts'
import type { Down, Up } from './messages.ts'
import { Reception } from './reception.ts'

/** Milliseconds after which every connection is looked at, and told that the relay is there. */
export const ALIVE_MS = 1_000

export interface PublisherOptions extends LedOptions {
  readonly random: RandomSource
  /** Shared with all subscribers. Without it everybody who can connect is believed. */
  readonly secret?: Buffer | undefined
}

/** The relays of all clusters, and the subscribers that follow them. Needs no application. */
export class Publisher implements Service {
  readonly start: () => Promise<void>
  readonly stop: () => Promise<void>
  readonly #clusters: ReadonlyMap<string, LedCluster>
  readonly #options: PublisherOptions
  readonly #connections = new Set<Reception>()
  readonly #cut: CounterChild
  readonly #clock: Clock
  readonly #log: Logger
  #timer: Timer | undefined
  #stopped = false

  constructor(options: PublisherOptions) {
    const { sessions, metrics, clock, log } = options
    this.#options = options
    this.#clock = clock
    this.#log = log
    this.#clusters = new Map(sessions.clusters.map((name) => [name, new LedCluster(name, options)]))
    const { start, stop } = lifecycle(
      async () => this.#begin(),
      () => this.#end(),
    )
    this.start = start
    this.stop = stop
    this.#cut = metrics
      .counter(
        'tenfold_relay_connections_ended_total',
        'Connections of subscribers that have ended, for whatever reason.',
      )
      .child()
    metrics
      .gauge('tenfold_relay_subscribers', 'Processes that follow the relays of this one.')
      .watch({}, () => [...this.#connections].filter(({ follows }) => follows).length)
  }

  /** Takes a subscriber's connection. */
  accept(connect: Connect<Up, Down>): void {
    const { random, secret } = this.#options
    const reception = new Reception({
      connect,
      clusters: this.#clusters,
      clock: this.#clock,
      nonce: random.bytes(32).toString('hex'),
      secret,
      onClosed: (name, reason) => {
        this.#connections.delete(reception)
        this.#cut.value++
        if (!this.#stopped) this.#log.info({ subscriber: name, reason }, 'a subscriber of the relay is gone')
      },
    })
    this.#connections.add(reception)
    if (this.#stopped) reception.close('the relay stops')
  }

  status(): SystemStatus['relay'] {
    return Object.fromEntries([...this.#clusters].map(([name, cluster]) => [name, cluster.describe()]))
  }

  #begin(): void {
    for (const cluster of this.#clusters.values()) cluster.start()
    this.#look()
  }

  async #end(): Promise<void> {
    this.#stopped = true
    this.#timer?.cancel()
    for (const connection of [...this.#connections]) connection.close('the relay stops')
    await Promise.all([...this.#clusters.values()].map((cluster) => cluster.stop()))
  }

  #look(): void {
    for (const connection of [...this.#connections]) connection.look()
    this.#timer = this.#clock.timer(ALIVE_MS, () => this.#look())
  }
}
