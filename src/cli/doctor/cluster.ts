import { VERSION_MIN, weaknessesOf } from '../../supervisor/external.ts'
import { type Finding, fail, ok, warn } from './finding.ts'

/** What a cluster says about itself. */
export interface ClusterFacts {
  readonly cluster: string
  /** `server_version_num`, e.g. 180004. */
  readonly versionNumber: number
  readonly version: string
  readonly settings: Readonly<Record<string, string>>
  /** Its clock less ours, in milliseconds, give or take half the round trip. */
  readonly clockAheadMs: number
  readonly roundTripMs: number
}

const CLOCK_MS_WARN = 1_000
const CLOCK_MS_FAIL = 30_000

/** For {@link ClusterFacts}. */
export const SETTINGS_SQL = `
  select current_setting('server_version_num')::int as number, current_setting('server_version') as version,
    extract(epoch from clock_timestamp())::float8 * 1000 as clock,
    (select json_object_agg(name, setting) from pg_settings
      where name in ('fsync', 'full_page_writes', 'synchronous_commit', 'data_checksums', 'max_connections', 'superuser_reserved_connections')) as settings`

export function checkCluster(facts: ClusterFacts): Finding[] {
  return [checkVersion(facts), ...checkDurability(facts), checkChecksums(facts), checkClock(facts)]
}

function checkVersion({ cluster, version, versionNumber }: ClusterFacts): Finding {
  if (versionNumber >= VERSION_MIN) return ok(`${cluster} version`, `PostgreSQL ${version}`)
  return fail(
    `${cluster} version`,
    `PostgreSQL ${version} is too old`,
    'Upgrade to PostgreSQL 18 (15 at least).',
  )
}

function checkDurability({ cluster, settings }: ClusterFacts): Finding[] {
  const check = `${cluster} durability`
  const weak = weaknessesOf(settings)
  if (weak.length === 0) return [ok(check, 'fsync, full_page_writes, synchronous_commit are on')]
  return weak.map(({ ours, message, remedy }) => (ours ? fail : warn)(check, message, remedy))
}

function checkChecksums({ cluster, settings }: ClusterFacts): Finding {
  if (settings.data_checksums === 'on') return ok(`${cluster} checksums`, 'data pages have checksums')
  return warn(
    `${cluster} checksums`,
    'data pages have no checksums: a disk that damages them goes unnoticed',
    'Stop PostgreSQL and run `pg_checksums --enable`.',
  )
}

function checkClock({ cluster, clockAheadMs, roundTripMs }: ClusterFacts): Finding {
  const off = Math.max(0, Math.abs(clockAheadMs) - roundTripMs)
  const message = `differs from ours by ${Math.round(off)} ms`
  const remedy =
    'Let both machines follow a time server (chrony, systemd-timesyncd): sessions and limits count by clocks.'
  if (off > CLOCK_MS_FAIL) return fail(`${cluster} clock`, message, remedy)
  return off > CLOCK_MS_WARN ? warn(`${cluster} clock`, message, remedy) : ok(`${cluster} clock`, message)
}
