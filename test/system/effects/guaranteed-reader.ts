import { createCache } from '../../../src/cache/index.ts'
import type { CacheSource } from '../../../src/cache/ports.ts'
import { createContextStorage, detachedContext } from '../../../src/core/context.ts'
import type { LocalFollower } from '../../../src/core/effects.ts'
import { silentLogger } from '../../../src/core/log.ts'
import type { Lsn } from '../../../src/core/lsn.ts'
import type { ReadSpan } from '../../../src/core/ports.ts'
import type { Position } from '../../../src/core/position.ts'
import { seededRandom } from '../../../src/core/random.ts'
import { PAGE } from '../../../src/effects/fixtures/model/postgres.ts'
import type { Client, Reader, ReaderParts } from '../../../src/effects/fixtures/model/reader.ts'
import { createMetrics } from '../../../src/telemetry/metrics.ts'

/** A bug between the cache and the database. */
export type PlantedRead = 'from after the snapshot' | 'no upto for the session'

/** One statement of a loader: the log is looked at, the rows are read, the log is looked at again. */
interface Statement {
  readonly key: string
  readonly span: ReadSpan
  readonly resolve: (version: number) => void
  cuts: number
  before: Position | undefined
  version: number | undefined
}

interface Db {
  version(key: string): Promise<number>
}

/** Reads through the cache of the product, with everything that it does for waiters and for values within values. */
export class GuaranteedReader implements Reader {
  readonly follower: LocalFollower
  readonly #parts: ReaderParts
  readonly #planted: PlantedRead | undefined
  readonly #storage = createContextStorage()
  readonly #cache: ReturnType<typeof createCache>
  readonly #hits: { value: number }
  #statements: Statement[] = []

  constructor(parts: ReaderParts, planted?: PlantedRead) {
    this.#parts = parts
    this.#planted = planted
    const metrics = createMetrics({ processMetrics: false })
    this.#cache = createCache({
      source: this.#source(),
      storage: this.#storage,
      metrics,
      random: seededRandom(1),
      log: silentLogger,
      demand: parts.demand,
      clock: parts.clock,
      shared: parts.shared,
    })
    this.follower = this.#cache.level
    this.#hits = metrics.counter('cache_reads_total', '', ['result']).child({ result: 'hit' })
  }

  get loads(): number {
    return this.#statements.length
  }

  read(client: Client, key: string): void {
    if (key === 'z') this.#readPage(client)
    else void this.#ask(client, key, [key], (db: Db) => this.#one(db, key))
  }

  goOn(at: number): void {
    const statement = this.#statements[at % Math.max(1, this.#statements.length)]
    if (!statement) return
    const { postgres } = this.#parts
    // Sent again from its beginning.
    if (statement.cuts !== postgres.cuts)
      Object.assign(statement, { cuts: postgres.cuts, before: undefined, version: undefined })
    if (this.#planted === 'from after the snapshot' && statement.version === undefined) {
      statement.version = postgres.versions.get(statement.key) ?? 0
    } else if (statement.before === undefined) statement.before = postgres.position
    else if (statement.version === undefined) statement.version = postgres.versions.get(statement.key) ?? 0
    else {
      this.#statements = this.#statements.filter((other) => other !== statement)
      widen(statement.span, statement.before, postgres.position)
      statement.resolve(statement.version)
    }
  }

  async #one(db: Db, key: string): Promise<Record<string, number>> {
    return { [key]: await db.version(key) }
  }

  /** A value made of another cached value and of rows of its own. */
  #readPage(client: Client): void {
    const work = async (db: Db): Promise<Record<string, number>> => {
      const x = (await this.#cached('x', (inner: Db) => this.#one(inner, 'x'))) as { x: number }
      return { ...x, y: await db.version('y') }
    }
    void this.#ask(client, PAGE, ['x', 'y'], work)
  }

  #cached(key: string, work: (db: Db) => Promise<unknown>): Promise<unknown> {
    const place = { placement: 'home', prefix: '' } as const
    return this.#cache.guaranteed.cached(place, { name: key, args: [], text: key }, {}, work as never)
  }

  /** One request: its token is what the client had when it began. */
  async #ask(
    client: Client,
    key: string,
    parts: readonly string[],
    work: (db: Db) => Promise<unknown>,
  ): Promise<void> {
    const answers = parts.map((part) => [part, this.#parts.asks(client, part)] as const)
    const { token } = client
    let at: Position | undefined
    const seen = {
      of: () => token,
      reached: () => token,
      answered: (_: string, position: Position) => {
        if (!at || position.timeline > at.timeline || position.lsn > at.lsn) at = position
      },
      wrote: () => {},
      unsettled: () => undefined,
      settled: () => {},
      text: () => '',
    }
    const before = this.#hits.value
    const context = { ...detachedContext('request', silentLogger), seen }
    const reading = this.#storage.run(context, () => this.#cached(key, work))
    const hit = this.#hits.value > before
    const value = (await reading.catch(() => undefined)) as Record<string, number> | undefined
    if (!value) return
    if (this.#planted === 'no upto for the session') at = undefined
    for (const [part, answer] of answers) answer(value[part] as number, at, hit)
  }

  #source(): CacheSource {
    return {
      clusterOf: () => 'c0',
      epochOf: () => 0,
      load: (_place, work, span) => {
        const version = (key: string): Promise<number> =>
          new Promise((resolve) => {
            const { cuts } = this.#parts.postgres
            this.#statements.push({ key, span, resolve, cuts, before: undefined, version: undefined })
          })
        return work({ version } as never)
      },
      timedOut: (what) => new Error(what),
      settle: () => undefined,
    }
  }
}

function widen(span: ReadSpan, first: Position, last: Position): void {
  if (first.timeline !== last.timeline || (span.timeline ?? last.timeline) !== last.timeline) span.torn = true
  span.timeline = last.timeline
  span.from = least(span.from, first.lsn)
  span.upto = span.upto !== undefined && span.upto > last.lsn ? span.upto : last.lsn
}

const least = (one: Lsn | undefined, other: Lsn): Lsn => (one !== undefined && one < other ? one : other)
