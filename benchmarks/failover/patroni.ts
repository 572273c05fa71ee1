import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ensurePatroni } from '../../scripts/patroni.js'
import { type PatroniCluster, startPatroni } from '../../test/system/patroni/kit.ts'
import type { Tuning } from '../../test/system/patroni/settings.ts'
import { CarefulClient } from './careful.ts'
import type { Contender } from './contender.ts'

export interface PatroniWay {
  readonly name: string
  readonly tuning: Tuning
  /**
   * When the lost member's Patroni is started again: once there is a new primary (its machine was lost and comes back), or
   * at once, as systemd does with Debian's unit when only processes die.
   */
  readonly back: 'after the failover' | 'at once'
}

/** Three PostgreSQL under Patroni with one etcd, synchronous and strict, on a disk; and a careful client of `pg`. */
export class Patroni implements Contender {
  readonly name: string
  readonly rounds = 1
  readonly #way: PatroniWay
  #running: { cluster: PatroniCluster; client: CarefulClient } | undefined
  #lost: number | undefined

  constructor(way: PatroniWay) {
    this.name = way.name
    this.#way = way
  }

  async start(): Promise<void> {
    const cluster = await startPatroni({
      programs: ensurePatroni(process.env),
      tuning: this.#way.tuning,
      dir: mkdtempSync(join(tmpdir(), 'tf-patroni-')),
    })
    this.#lost = undefined
    const client = new CarefulClient(cluster.connections)
    this.#running = { cluster, client }
    await client.query('create table events (id text not null, at timestamptz not null default now())')
    // Not unique: an event that is inserted twice has to show.
    await client.query('create index on events (id)')
  }

  write(id: string): Promise<void> {
    return this.#up.client.write(id)
  }

  read(id: string): Promise<boolean> {
    return this.#up.client.read(id)
  }

  async killPrimary(): Promise<void> {
    this.#lost = await this.#up.cluster.killPrimary()
    if (this.#way.back === 'at once') this.#up.cluster.revive(this.#lost)
  }

  async redundant(): Promise<void> {
    const { cluster } = this.#up
    await cluster.primary()
    if (this.#lost !== undefined) cluster.revive(this.#lost)
    await cluster.whole()
  }

  async written(prefix: string): Promise<string[]> {
    const rows = await this.#up.client.query<{ id: string }>(
      'select id from events where starts_with(id, $1)',
      [prefix],
    )
    return rows.map(({ id }) => id)
  }

  async stop(): Promise<void> {
    const running = this.#running
    this.#running = undefined
    await running?.client.close()
    await running?.cluster.stop()
  }

  get #up(): { cluster: PatroniCluster; client: CarefulClient } {
    if (this.#running === undefined) throw new Error('not started')
    return this.#running
  }
}
