import { type SystemOf, tenfold } from 'tenfold'
import { z } from 'zod'

interface Schema {
  counters: { owner: string; name: string; value: number }
}

const t = tenfold<Schema>()({ keys: { owner: { type: 'bigint', columns: { counters: 'owner' } } } })

export type LateSystem = SystemOf<typeof t>

/** What the first run of a job has still to do when it goes on. */
export const MOMENTS = [
  'before job.write',
  'in job.write',
  'before another write',
  'before its end',
  'before its failure',
] as const
export type Moment = (typeof MOMENTS)[number]

const inputSchema = z.object({ owner: z.string(), moment: z.enum(MOMENTS) })
export type LateInput = z.infer<typeof inputSchema>

/** Another's shard, for a write that is not the job's own. */
export const otherOf = (owner: string): string => String(Number(owner) + 1000)

const COUNT = `insert into counters values ($1, $2, 1)
  on conflict (owner, name) do update set value = counters.value + 1`

/** However long it is stopped in the midst of a write: its time must not be what ends it. Milliseconds. */
const HELD_MS_MAX = 60_000

export interface Hooks {
  /** Where a run stands still until it is let on. */
  readonly meet: (owner: string, attempt: number) => Promise<void>
  /** How the run ended here: `done`, or the code of its error. */
  readonly told: (owner: string, how: string) => void
}

/** Counts in its own shard, under a name that tells which run did it, and in another's, whichever run does it. */
export function late({ meet, told }: Hooks) {
  const job = t.job('late', {
    input: inputSchema,
    backoff: [0, 0],
    run: async (run, system) => {
      const { owner } = run.input
      const moment = run.attempt === 1 ? run.input.moment : 'before job.write'
      if (moment !== 'in job.write') await meet(owner, run.attempt)
      if (moment === 'before its end') return told(owner, 'done')
      if (moment === 'before its failure') {
        told(owner, 'failed')
        throw new Error('It was to fail')
      }
      if (run.input.moment === 'before another write')
        await system.shard
          .owner(otherOf(owner))
          .write('other', (tx) => tx.query(COUNT, [otherOf(owner), 'other']).then(() => null))
      const writeOwn = async (tx: { query(sql: string, values: unknown[]): Promise<unknown> }) => {
        await tx.query(COUNT, [owner, `own ${run.attempt}`])
        if (moment === 'in job.write') await meet(owner, run.attempt)
      }
      const writing = run.write('own', writeOwn, { deadlineMs: HELD_MS_MAX })
      await writing.then(
        () => told(owner, 'done'),
        (error: { code?: string }) => told(owner, error.code ?? String(error)),
      )
      await writing
    },
  })
  const app = t.app({
    name: 'late',
    migrations: new URL('../fixtures/app/migrations/', import.meta.url),
    jobs: [job],
    fetch: () => () => new Response(null, { status: 404 }),
  })
  return { app, job }
}
