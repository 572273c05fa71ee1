import { parseLsn } from '../../core/lsn.ts'
import type { ConnectionOptions } from '../client/types.ts'
import { Connection } from '../connection/connection.ts'
import type { Statement } from '../connection/statements.ts'
import type { MemberAnswer, Receiver } from './roles.ts'

/**
 * Needs no privilege to tell a primary from a standby. Timelines of standbys, and who is synchronous, are told only to
 * roles that are members of `pg_read_all_stats` (part of `pg_monitor`).
 *
 * The timeline of a standby comes after its position: it may be behind its timeline, never ahead of it.
 */
const LOOK_SQL = `
  select standby, writable, system, name, lsn,
    case when standby then (select received_tli from pg_stat_get_wal_receiver())
         else ('x' || left(pg_walfile_name(lsn::pg_lsn), 8))::bit(32)::int end as timeline,
    (select slot_name from pg_stat_get_wal_receiver()) as slot,
    coalesce((select substring(conninfo from 'application_name=(\\S+)') from pg_stat_get_wal_receiver()), name) as asks_as,
    waits,
    (select json_agg(json_build_object('slot', s.slot_name, 'name', r.application_name, 'state', r.sync_state))
       from pg_stat_replication r left join pg_replication_slots s on s.active_pid = r.pid
      where not standby and r.state is distinct from 'backup') as receivers
  from (select pg_is_in_recovery() as standby,
      not pg_is_in_recovery() and not current_setting('default_transaction_read_only')::bool as writable,
      (select system_identifier::text from pg_control_system()) as system,
      coalesce(nullif(current_setting('cluster_name'), ''), 'walreceiver') as name,
      current_setting('synchronous_standby_names') <> '' as waits,
      case when pg_is_in_recovery() then pg_last_wal_replay_lsn() else pg_current_wal_flush_lsn() end::text as lsn
    offset 0) one`

const STATEMENT: Statement = { text: LOOK_SQL, name: 'tenfold_look', fastRuns: 0 }

interface LookRow {
  standby: boolean
  writable: boolean
  system: string
  lsn: string | null
  timeline: number | null
  slot: string | null
  asks_as: string | null
  waits: boolean
  receivers: Receiver[] | null
}

/** A session of its own with one member, for asking it what it is. */
export class Observer {
  readonly #options: ConnectionOptions
  readonly #timer: (ms: number, run: () => void) => { cancel(): void }
  #connection: Connection | undefined
  #over = new AbortController()

  constructor(options: ConnectionOptions, timer: (ms: number, run: () => void) => { cancel(): void }) {
    this.#options = options
    this.#timer = timer
  }

  /** @throws when it has not answered within `ms` milliseconds, or refuses; the next look then has a fresh session */
  async look(ms: number): Promise<MemberAnswer> {
    const silence = new Error(`No answer within ${ms} ms`)
    const over = this.#over
    const silent = this.#timer(ms, () => {
      over.abort(silence)
      this.#connection?.destroy(silence)
    })
    try {
      const connection = await this.#connected(ms, over.signal)
      const { failure, results } = await connection.run([{ statement: STATEMENT, params: [] }])
      if (failure) throw failure
      return answerOf(results[0]?.rows[0] as unknown as LookRow)
    } catch (error) {
      this.close()
      throw error
    } finally {
      silent.cancel()
      if (over.signal.aborted && this.#over === over) this.#over = new AbortController()
    }
  }

  /** Cuts the session, and a look under way. */
  close(): void {
    this.#over.abort(new Error('No longer asked'))
    this.#over = new AbortController()
    this.#connection?.destroy()
    this.#connection = undefined
  }

  async #connected(ms: number, signal: AbortSignal): Promise<Connection> {
    if (this.#connection && !this.#connection.lost) return this.#connection
    this.#connection = await Connection.open(
      this.#options,
      { statement_timeout: String(ms) },
      { timeoutMs: ms, signal },
    )
    return this.#connection
  }
}

function answerOf(row: LookRow): MemberAnswer {
  return {
    system: row.system,
    standby: row.standby,
    writable: row.writable,
    timeline: row.timeline ?? undefined,
    lsn: row.lsn === null ? undefined : parseLsn(row.lsn),
    slot: row.slot ?? undefined,
    name: row.asks_as ?? undefined,
    waits: row.waits,
    receivers: row.receivers ?? [],
  }
}
