import { systemClock } from '../core/clock.ts'
import type { ClusterOptions } from '../data/client/types.ts'
import { TestLeak } from './errors.ts'
import type { TestServer } from './server.ts'

/** A server process ends a moment after its client has gone. */
const GRACE_MS = 1_000
const POLL_MS = 2

interface Session {
  readonly datname: string
  readonly application_name: string
  readonly state: string
  readonly query: string
}

/** Waits until no session with the databases is left. @throws TestLeak when one stays */
export async function checkSessions(server: TestServer, clusters: readonly ClusterOptions[]): Promise<void> {
  const databases = clusters.map(({ connection }) => connection.database)
  const deadline = systemClock.monotonic() + GRACE_MS
  for (;;) {
    const sessions = await server.run<Session>(
      `select datname, application_name, coalesce(state, '') as state, query from pg_stat_activity
        where datname = any($1) and backend_type = 'client backend'`,
      [databases],
    )
    if (sessions.length === 0) return
    if (systemClock.monotonic() > deadline) {
      const name = (database: string): string => clusters[databases.indexOf(database)]?.name ?? database
      throw new TestLeak(
        sessions.map(
          (one) =>
            `a session of "${one.application_name}" with ${name(one.datname)}, ${one.state}: ${one.query.slice(0, 200)}`,
        ),
      )
    }
    await systemClock.sleep(POLL_MS)
  }
}
