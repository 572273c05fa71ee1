import type { Clock } from '../core/clock.ts'
import type { Json } from '../core/json.ts'
import type { SystemStatement, UpkeepSession, UpkeepSessions } from '../core/ports.ts'
import { JobMissing } from './errors.ts'
import { placeOfJob } from './ids.ts'
import type { JobPlace, JobState, JobStatus } from './types.ts'

/** Rows in one round trip. */
const BATCH = 500
/** How long it is tried again while a database is away, and how often. */
const INSIST_MS = 5_000
const AGAIN_MS = 50
const LIST_MAX = 100

const COLUMNS = `id, name, state, attempt, attempts_max, priority, run_at, created_at, progress, error, payload`

/** Which jobs to list. */
export interface ListQuery {
  readonly state?: JobState | undefined
  readonly name?: string | undefined
  /** @defaultValue 100 */
  readonly limit?: number | undefined
}

/** What is done with jobs from outside: seen, cancelled, put in again, forgotten. */
export class Office {
  readonly #sessions: UpkeepSessions
  readonly #clusterOf: (place: JobPlace) => string
  readonly #clock: Clock
  readonly #open = new Map<string, UpkeepSession>()

  constructor(sessions: UpkeepSessions, clusterOf: (place: JobPlace) => string, clock: Clock) {
    this.#sessions = sessions
    this.#clusterOf = clusterOf
    this.#clock = clock
  }

  async get(id: string): Promise<JobStatus | null> {
    const place = placeOfJob(id)
    if (!place) return null
    const sql = `select ${COLUMNS} from tenfold.job_states where id = $1`
    const [row] = await this.#ask(this.#clusterOf(place), { sql, params: [id] })
    return row ? statusOf(row) : null
  }

  /** `gone`: it waited and is out. `asked`: it runs and was asked to end. */
  async cancel(id: string): Promise<'gone' | 'asked' | null> {
    const place = placeOfJob(id)
    if (!place) return null
    const sql = 'select tenfold.cancel_job($1) as what'
    const [row] = await this.#ask(this.#clusterOf(place), { sql, params: [id] })
    return (row?.what as 'gone' | 'asked' | null | undefined) ?? null
  }

  /** Over all clusters, oldest first. */
  async list({ state, name, limit = LIST_MAX }: ListQuery = {}): Promise<JobStatus[]> {
    const conditions = [
      ...(state === undefined ? [] : ['state = $2']),
      ...(name === undefined ? [] : [`name = $${state === undefined ? 2 : 3}`]),
      // Known without a look at each of those that wait.
      ...(state === 'running' ? ['id = any (array(select unnest(jobs) from tenfold.claims))'] : []),
    ]
    const where = conditions.length > 0 ? `where ${conditions.join(' and ')}` : ''
    const sql = `select ${COLUMNS} from tenfold.job_states ${where} order by id limit $1`
    const params = [limit, state, name].filter((param) => param !== undefined)
    const lists = await Promise.all(
      this.#sessions.clusters.map((cluster) => this.#ask(cluster, { sql, params })),
    )
    const found = lists.flat().map(statusOf)
    return found.sort((a, b) => (a.id < b.id ? -1 : 1)).slice(0, limit)
  }

  /** Puts one dead job back in, or all; its attempts count anew. @returns how many @throws JobMissing */
  async retry(id: string | 'all'): Promise<number> {
    const sql = 'select id, done from tenfold.retry_jobs($1, $2, $3)'
    if (id !== 'all') return this.#one('select from tenfold.retry_jobs($1, $2, null) where done', id)
    let count = 0
    for (const cluster of this.#sessions.clusters) {
      // Some stay dead: the next batch begins below those that were looked at.
      for (let before: unknown = null, left = true; left; ) {
        const rows = await this.#ask(cluster, { sql, params: [null, BATCH, before] })
        count += rows.filter(({ done }) => done).length
        before = rows.at(-1)?.id
        left = rows.length === BATCH
      }
    }
    return count
  }

  /** Forgets one dead job, or all. @returns how many @throws JobMissing */
  async discard(id: string | 'all'): Promise<number> {
    const sql = 'select from tenfold.discard_jobs($1, $2)'
    if (id !== 'all') return this.#one(sql, id)
    let count = 0
    for (const cluster of this.#sessions.clusters)
      for (let part = BATCH; part > 0; count += part)
        part = (await this.#ask(cluster, { sql, params: [null, BATCH] })).length
    return count
  }

  async close(): Promise<void> {
    await Promise.all([...this.#open.values()].map((session) => session.close()))
    this.#open.clear()
  }

  async #one(sql: string, id: string): Promise<number> {
    const place = placeOfJob(id)
    const rows = place ? await this.#ask(this.#clusterOf(place), { sql, params: [id, 1] }) : []
    if (rows.length === 0) throw new JobMissing(id, 'dead job (or a new one with the same unique key waits)')
    return rows.length
  }

  /** Everything asked here may be asked twice. */
  async #ask(cluster: string, statement: SystemStatement): Promise<Record<string, unknown>[]> {
    const session = this.#open.get(cluster) ?? this.#sessions.open(cluster, 'job office')
    this.#open.set(cluster, session)
    const endsAt = this.#clock.monotonic() + INSIST_MS
    for (;;) {
      try {
        const [rows = []] = await session.run([statement])
        return rows
      } catch (error) {
        if (!session.isTransient(error) || this.#clock.monotonic() > endsAt) throw error
        await this.#clock.sleep(AGAIN_MS)
      }
    }
  }
}

function statusOf(row: Record<string, unknown>): JobStatus {
  return {
    id: row.id as string,
    name: row.name as string,
    state: row.state as JobState,
    attempt: Number(row.attempt),
    attemptsMax: Number(row.attempts_max),
    priority: Number(row.priority),
    runAt: (row.run_at as Date).toISOString(),
    createdAt: (row.created_at as Date).toISOString(),
    progress: (row.progress as Json | null) ?? null,
    error: (row.error as string | null) ?? null,
    input: row.payload as Json,
  }
}
