import pg from 'pg'
import type { DatabaseAddress } from '../postgres/address.ts'

/** How a server takes part in the replication of its cluster. */
export interface ReplicationRole {
  /** The node's id, e.g. `c0-pg-2`: the name under which it asks for the log. */
  readonly id: string
  /**
   * Ids of the standbys of which one must have a commit on disk before it is acknowledged; empty: none is asked for.
   * Also set on standbys: a server that is promoted acknowledges nothing on its own.
   */
  readonly synchronous: readonly string[]
  /** Where a standby gets the log from; undefined: from nowhere, also where it still is a standby. */
  readonly upstream?: DatabaseAddress | undefined
  /** Megabytes of log that a standby which has not received them may hold back. @defaultValue 1024, which is the least */
  readonly keepMb?: number | undefined
}

/** A lost standby keeps at most so much log from being removed; then it is made anew. Megabytes. */
const KEEP_MB = 1024

/** Those that do not depend on the role. All can be changed without a restart. */
const COMMON: Readonly<Record<string, string>> = {
  // A standby that was away for a moment goes on where it was; one without a slot yet, too.
  wal_keep_size: '128MB',
  // Between two attempts to connect upstream. With the default, one promotion in eight stalled for 5 s.
  wal_retrieve_retry_interval: '50ms',
  // A query that is in the way of replay ends soon, and runs on another node: replay is what all others wait for.
  max_standby_streaming_delay: '500ms',
  max_standby_archive_delay: '500ms',
  // With it a standby that is away would hold up vacuum for everybody.
  hot_standby_feedback: 'off',
  wal_receiver_status_interval: '1s',
  wal_receiver_timeout: '10s',
  wal_sender_timeout: '10s',
}

/** The name of a node's replication slot: letters, digits and underscores only. */
export const slotOf = (id: string): string => id.replaceAll('-', '_')

/** `ANY 1 ("c0-pg-2", "c0-pg-3")`: which standby acknowledges first counts. */
export const synchronousNames = (ids: readonly string[]): string =>
  ids.length === 0 ? '' : `ANY 1 (${ids.map((id) => pg.escapeIdentifier(id)).join(', ')})`

/** By their names in PostgreSQL. */
export function replicationSettings({
  id,
  synchronous,
  upstream,
  keepMb = KEEP_MB,
}: ReplicationRole): Readonly<Record<string, string>> {
  return {
    ...COMMON,
    max_slot_wal_keep_size: `${Math.max(keepMb, KEEP_MB)}MB`,
    synchronous_standby_names: synchronousNames(synchronous),
    primary_conninfo: upstream === undefined ? '' : conninfo(upstream, id),
    primary_slot_name: upstream === undefined ? '' : slotOf(id),
  }
}

/** As libpq reads it. The password is in it: the file is for its owner only, and PostgreSQL shows it to nobody else. */
function conninfo({ socketDir, port, user, password }: DatabaseAddress, id: string): string {
  const parts = { host: socketDir, port: String(port), user, password, application_name: id }
  return Object.entries(parts)
    .map(([name, value]) => `${name}='${value.replace(/[\\']/g, '\\$&')}'`)
    .join(' ')
}

/** The text of {@link REPLICATION_FILE}. */
export function renderReplication(role: ReplicationRole): string {
  const lines = Object.entries(replicationSettings(role)).map(
    ([name, value]) => `${name} = '${value.replace(/\\/g, '\\\\').replace(/'/g, "''")}'`,
  )
  return `# Written by Tenfold whenever the role of this server changes.\n${lines.join('\n')}\n`
}
