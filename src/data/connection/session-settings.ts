import { sqlStateOf } from './failure.ts'

/** Settings of a session, by their PostgreSQL names. */
export type SessionSettings = Readonly<Record<string, string>>

/** PostgreSQL 17 brought it. */
const LIMIT = 'transaction_timeout'
const LIMIT_MAJOR = 17
const UNDEFINED_OBJECT = '42704'

/** What bounds a transaction where {@link LIMIT} is unknown: each of its statements, and each pause between them. */
export const OLDER_LIMITS = ['statement_timeout', 'idle_in_transaction_session_timeout'] as const

/** Whether the server itself ends a transaction of a session with these settings. */
export const limitsTransactions = (settings: SessionSettings): boolean => LIMIT in settings

/** Which version answers at an address, as far as its sessions have told. A failover may change it. */
export class KnownServer {
  #older = false

  /** The settings that this server takes. */
  fit(settings: SessionSettings): SessionSettings {
    const { [LIMIT]: limit, ...rest } = settings
    if (!this.#older || limit === undefined) return settings
    return { ...Object.fromEntries(OLDER_LIMITS.map((name) => [name, limit])), ...rest }
  }

  /** @param version as the server reports it, e.g. `15.18 (Debian 15.18-0+deb12u1)` */
  told(version: string): void {
    this.#older = Number.parseInt(version, 10) < LIMIT_MAJOR
  }

  /**
   * Whether a session with these settings was refused only because the server is older than was thought; then it is
   * known. Several may be refused at once.
   */
  refused(error: unknown, settings: SessionSettings): boolean {
    const unknown = sqlStateOf(error) === UNDEFINED_OBJECT && (error as Error).message.includes(LIMIT)
    if (!unknown || !limitsTransactions(settings)) return false
    this.#older = true
    return true
  }
}
