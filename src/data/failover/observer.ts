import { type Lsn, parseLsn } from '../../core/lsn.ts'
import type { DatabaseAddress } from '../postgres/address.ts'
import { SerialSession } from './serial-session.ts'
import type { SenderView } from './view.ts'

/** What a server answers about its part in replication. */
export interface Observation {
  readonly standby: boolean
  readonly lsn: Lsn | undefined
  readonly timeline: number | undefined
  readonly receiving: boolean
  /** How far a standby has replayed its log. */
  readonly replayed: Lsn | undefined
  /** The process that replays the log, on a standby. */
  readonly startup: number | undefined
  /** `synchronous_standby_names` as a session sees it now: reloading takes a moment. */
  readonly names: string
  /** Of those that receive its log. */
  readonly senders: readonly SenderView[]
}

/**
 * A standby that has never received says where its log ends only once it waits for more: before, it may have more on
 * disk than it has replayed.
 */
const LOOK = `
  select standby, names, receiving, timeline, senders, startup, replayed::text,
    case when not standby then pg_current_wal_flush_lsn()
         when received is not null or waiting in ('RecoveryWalStream', 'RecoveryRetrieveRetryInterval')
           then greatest(received, replayed) end::text as lsn
  from (select pg_is_in_recovery() as standby,
      current_setting('synchronous_standby_names') as names,
      exists (select from pg_stat_wal_receiver where pid is not null) as receiving,
      case when pg_is_in_recovery() then (select received_tli from pg_stat_wal_receiver)
           else ('x' || left(pg_walfile_name(pg_current_wal_flush_lsn()), 8))::bit(32)::int end as timeline,
      case when pg_is_in_recovery() then pg_last_wal_receive_lsn() end as received,
      pg_last_wal_replay_lsn() as replayed,
      (select json_agg(json_build_object('id', application_name, 'state', state, 'flushed', flush_lsn,
        'replayed', replay_lsn, 'priority', sync_priority)) from pg_stat_replication) as senders)
    left join (select pid as startup, wait_event as waiting from pg_stat_activity where backend_type = 'startup') on true`

/** Whether a standby has become a primary: a fraction of the work of a whole look, when every millisecond counts. */
const GLANCE = 'select pg_is_in_recovery() as standby, pg_last_wal_replay_lsn()::text as replayed'

export type Glance = Pick<Observation, 'standby' | 'replayed'>

interface GlanceRow {
  standby: boolean
  replayed: string | null
}

interface LookRow extends GlanceRow {
  lsn: string | null
  timeline: number | null
  receiving: boolean
  names: string
  startup: number | null
  senders:
    | { id: string; state: string; flushed: string | null; replayed: string | null; priority: number }[]
    | null
}

/** Asks one server again and again. Statements have a session of their own: a long one holds up no look. */
export class Observer {
  readonly #looks: SerialSession
  readonly #statements: SerialSession

  constructor(address: DatabaseAddress) {
    this.#looks = new SerialSession(address)
    this.#statements = new SerialSession(address)
  }

  /** @throws when it does not answer within `ms` milliseconds, or refuses */
  async look(ms: number): Promise<Observation> {
    const [row] = await this.#looks.query<LookRow>(LOOK, ms)
    const { standby, lsn, timeline, receiving, names, startup, senders, replayed } = row as LookRow
    return {
      standby,
      names,
      startup: startup ?? undefined,
      receiving: standby && receiving,
      lsn: parsed(lsn),
      replayed: parsed(replayed),
      timeline: timeline ?? undefined,
      senders: (senders ?? []).map(({ flushed, replayed: told, ...rest }) => ({
        ...rest,
        flushed: parseLsn(flushed ?? '0/0'),
        replayed: parseLsn(told ?? '0/0'),
      })),
    }
  }

  /** @throws as {@link look} does */
  async glance(ms: number): Promise<Glance> {
    const [row] = await this.#looks.query<GlanceRow>(GLANCE, ms)
    const { standby, replayed } = row as GlanceRow
    return { standby, replayed: parsed(replayed) }
  }

  /** One statement, one after another. */
  query<Row extends object>(text: string, ms: number, values: readonly unknown[] = []): Promise<Row[]> {
    return this.#statements.query<Row>(text, ms, values)
  }

  /** Whoever waits for a statement is told that there will be no answer. */
  giveUp(): void {
    this.#statements.cut()
  }

  close(): void {
    this.#looks.close()
    this.#statements.close()
  }
}

const parsed = (lsn: string | null): Lsn | undefined => (lsn === null ? undefined : parseLsn(lsn))
