import { createHash } from 'node:crypto'
import { PostgresSizeInvalid } from './errors.ts'

/** The file in the data folder that holds our settings; `postgresql.conf` includes it. */
export const SETTINGS_FILE = 'tenfold.conf'

/** Included by {@link SETTINGS_FILE}: what changes while the server runs, see ../replication/settings.ts. */
export const REPLICATION_FILE = 'tenfold.replication.conf'

/** Passed as flags: ALTER SYSTEM and edited files cannot weaken them. */
export const PINNED: Readonly<Record<string, string>> = {
  fsync: 'on',
  full_page_writes: 'on',
  synchronous_commit: 'on',
  // A crashed primary must not reopen by itself: whoever owns it decides (DESIGN.md 5.3).
  restart_after_crash: 'off',
  password_encryption: 'scram-sha-256',
  unix_socket_permissions: '0700',
  listen_addresses: '',
}

/** Written to {@link SETTINGS_FILE} at each start, so that a new version brings new defaults; ALTER SYSTEM wins. */
export const DEFAULTS: Readonly<Record<string, string>> = {
  // Moving a shard needs logical decoding and must not restart the primary for it.
  wal_level: 'logical',
  max_wal_senders: '10',
  max_replication_slots: '10',
  // Our role and our schema have one name: by default an app's tables would land among ours.
  search_path: 'public',
  timezone: 'UTC',
  log_timezone: 'UTC',
  // Compiling costs more than our short queries do.
  jit: 'off',
  idle_in_transaction_session_timeout: '60s',
  // The backend of a client that was killed ends its query instead of holding its locks to the end.
  client_connection_check_interval: '1s',
  tcp_keepalives_idle: '30s',
  tcp_keepalives_interval: '10s',
  tcp_keepalives_count: '3',
  tcp_user_timeout: '30s',
  logging_collector: 'off',
  log_destination: 'stderr',
  log_min_messages: 'warning',
  // Neither statements nor row values reach the log: they may be secrets.
  log_min_error_statement: 'panic',
  log_error_verbosity: 'terse',
  log_checkpoints: 'off',
  log_line_prefix: '%m [%p] %q%a@%d ',
  wal_retrieve_retry_interval: '100ms',
  checkpoint_completion_target: '0.9',
  random_page_cost: '1.1',
  track_io_timing: 'off',
}

/** Of PostgreSQL 18; older ones do not know them. */
const SINCE_18: Readonly<Record<string, string>> = { file_copy_method: 'clone' }
const ONLY_18 = new Set(['io_method', 'io_workers', 'file_copy_method'])

const NAME = /^[a-z_][a-z0-9_.]*$/i

/** Settings for one start: flags for the command line and the text of {@link SETTINGS_FILE}. */
export interface RenderedSettings {
  readonly flags: readonly string[]
  readonly conf: string
}

const quote = (value: string): string => `'${value.replace(/\\/g, '\\\\').replace(/'/g, "''")}'`

function check(settings: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(settings)) {
    if (!NAME.test(name) || /[\r\n\0]/.test(value))
      throw new PostgresSizeInvalid(
        `${JSON.stringify(name)} = ${JSON.stringify(value)} is not a PostgreSQL setting.`,
        'A name has letters, digits and underscores, a value is one line.',
      )
  }
}

/**
 * Layers, weakest first: our defaults, the size, what belongs to this start, what the caller asks for.
 *
 * `origin` (e.g. the binaries' path and version) goes into the fingerprint: an adopted server whose
 * {@link SETTINGS_FILE} differs from what we would write now was started otherwise, and is restarted.
 */
export function renderSettings(layers: {
  readonly major: number
  readonly sized: Readonly<Record<string, string>>
  readonly pinned: Readonly<Record<string, string>>
  readonly asked: Readonly<Record<string, string>>
  readonly origin: string
}): RenderedSettings {
  check(layers.asked)
  const pinned: Record<string, string> = { ...PINNED, ...layers.pinned }
  const file: Record<string, string> = { ...DEFAULTS, ...SINCE_18, ...layers.sized }
  if (layers.major < 18) for (const name of ONLY_18) delete file[name]
  for (const [name, value] of Object.entries(layers.asked)) (name in pinned ? pinned : file)[name] = value
  const flags = Object.entries(pinned).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const lines = Object.entries(file).map(([name, value]) => `${name} = ${quote(value)}`)
  const fingerprint = createHash('sha256')
    .update(JSON.stringify([flags, layers.origin]))
    .digest('hex')
    .slice(0, 16)
  const head = '# Written by Tenfold at each start. Do not edit: use ALTER SYSTEM, which wins over this file.'
  const tail = `include_if_exists '${REPLICATION_FILE}'`
  return { flags, conf: `${head}\n# fingerprint ${fingerprint}\n${lines.join('\n')}\n${tail}\n` }
}
