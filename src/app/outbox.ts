import type { LocalBlobs } from '../blobs/types.ts'
import { type CacheKey, cacheKeyText } from '../core/cache-key.ts'
import type { ContextStorage } from '../core/context.ts'
import type { Doubt, Effects, LocalEffects, Purge } from '../core/effects.ts'
import { type Placement, rowPlace } from '../core/keys.ts'
import type { SystemStatement } from '../core/ports.ts'
import type { Position } from '../core/position.ts'
import type { Rider } from '../core/rider.ts'
import type { TxHandle } from '../data/client/transaction.ts'
import type { JobRow, JobsParts } from '../jobs/index.ts'
import type { EnqueueOptions, Job, Tx } from './types.ts'

/** What an {@link Outbox} hands its contents to. */
export interface OutboxPorts {
  readonly effects: LocalEffects
  readonly jobs: JobsParts['intake']
  readonly blobs: Pick<LocalBlobs, 'attach' | 'detach'>
  readonly storage: ContextStorage
}

/** Same table and columns as src/data/schema/0002_effects.sql. */
const INSERT_EFFECTS = 'insert into tenfold.effects (marker, bucket, tag, effects) values ($1, $2, $3, $4)'

/**
 * What one run of a write asks of other tiers: gathered while its work runs, sent with its COMMIT, then handed on.
 */
class Outbox implements Rider {
  readonly #ports: OutboxPorts
  readonly #tx: TxHandle<unknown>
  readonly #placement: Placement | 'home'
  readonly #invalidate = new Set<string>()
  readonly #purge: Purge[] = []
  readonly #jobs: JobRow[] = []
  readonly #blobs: SystemStatement[] = []
  #doubt: Doubt | undefined
  #delivery: Rider | undefined

  constructor(ports: OutboxPorts, tx: TxHandle<unknown>, placement: Placement | 'home') {
    this.#ports = ports
    this.#tx = tx
    this.#placement = placement
  }

  readonly enqueue = (job: Job<unknown>, input: unknown, options: EnqueueOptions = {}): string => {
    this.#tx.ride(this)
    const row = this.#ports.jobs.row({
      job,
      input,
      options,
      placement: this.#placement,
      marker: this.#tx.id,
      ordinal: this.#jobs.length,
      seen: this.#ports.storage.current()?.seen?.text() ?? '',
    })
    this.#jobs.push(row)
    return row.id
  }

  readonly invalidate = (...keys: readonly CacheKey[]): void => {
    this.#tx.ride(this)
    for (const key of keys) this.#invalidate.add(cacheKeyText(this.#placement, key))
  }

  readonly purge = (...what: readonly Purge[]): void => {
    this.#tx.ride(this)
    this.#purge.push(...what)
  }

  readonly attach = (blob: string, name: string): void => {
    this.#tx.ride(this)
    this.#blobs.push(this.#ports.blobs.attach(this.#placement, blob, name))
  }

  readonly detach = (blob: string, name: string): void => {
    this.#tx.ride(this)
    this.#blobs.push(this.#ports.blobs.detach(this.#placement, blob, name))
  }

  statements(): SystemStatement[] {
    const statements = [...this.#blobs]
    const effects = this.#effects()
    if (effects) {
      const { bucket, tag } = rowPlace(this.#placement)
      statements.push({
        sql: INSERT_EFFECTS,
        params: [this.#tx.id, bucket, tag, JSON.stringify(effects)],
      })
    }
    if (this.#jobs.length > 0) {
      this.#delivery = this.#ports.jobs.deliver(this.#tx.cluster, this.#jobs)
      statements.push(...this.#delivery.statements())
    }
    return statements
  }

  sending(): void {
    const effects = this.#effects()
    if (effects) this.#doubt = this.#ports.effects.begin(this.#tx.cluster, this.#tx.id, effects)
    this.#delivery?.sending()
  }

  committed(position: Position | undefined): void {
    this.#doubt?.committed(position)
    this.#delivery?.committed(position)
  }

  rolledBack(): void {
    this.#doubt?.rolledBack()
    this.#delivery?.rolledBack()
  }

  unknown(givenMs: number): void {
    this.#doubt?.unknown(givenMs)
    this.#delivery?.unknown(givenMs)
  }

  #effects(): Effects | undefined {
    if (this.#invalidate.size + this.#purge.length === 0) return undefined
    return {
      ...(this.#invalidate.size > 0 && { invalidate: [...this.#invalidate] }),
      ...(this.#purge.length > 0 && { purge: this.#purge }),
    }
  }
}

/** The transaction as an application sees it: the data tier's, with an outbox. */
export function transactionWithOutbox(
  ports: OutboxPorts,
  handle: TxHandle<unknown>,
  placement: Placement | 'home',
): Tx<unknown> {
  const { enqueue, invalidate, purge, attach, detach } = new Outbox(ports, handle, placement)
  return {
    get db() {
      return handle.db
    },
    get client() {
      return handle.client
    },
    id: handle.id,
    query: handle.query,
    enqueue: enqueue as Tx<unknown>['enqueue'],
    invalidate,
    purge,
    attach,
    detach,
  }
}
