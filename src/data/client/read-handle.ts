import type { Kysely } from 'kysely'
import type pg from 'pg'
import type { StatementResult } from '../connection/batch.ts'
import { NoSession } from '../errors.ts'
import { kyselyOver } from './kysely.ts'

/** What `work` of a read gets: Kysely with raw SQL beside it. */
export type ReadHandle<Tables> = Kysely<Tables> & {
  /** `pg`'s own client on the session of a snapshot, for COPY and streams. @throws NoSession in a plain read */
  readonly client: pg.Client
  query<Row>(sql: string, params?: readonly unknown[]): Promise<Row[]>
}

/** Runs one statement of a read. */
export type RunStatement = (sql: string, params: readonly unknown[]) => Promise<StatementResult>

/** Kysely is made only when it is used: a raw query should not pay for it. */
export function readHandle<Tables>(run: RunStatement, client?: () => pg.Client): ReadHandle<Tables> {
  let kysely: Kysely<Tables> | undefined
  const query = async (sql: string, params: readonly unknown[] = []) => (await run(sql, params)).rows
  return new Proxy(query as never, {
    get: (_target, name) => {
      if (name === 'query') return query
      if (name === 'client') {
        if (!client) throw new NoSession()
        return client()
      }
      kysely ??= kyselyOver<Tables>(run)
      const member = kysely[name as keyof Kysely<Tables>] as unknown
      return typeof member === 'function' ? member.bind(kysely) : member
    },
  }) as ReadHandle<Tables>
}
