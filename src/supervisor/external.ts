import type { ClusterMember, ClusterOptions } from '../data/client/types.ts'
import { addressOf } from './clusters.ts'
import { withConnection } from './databases.ts'
import { DatabaseTooOld, DatabaseUnreachable } from './errors.ts'

/** `server_version_num` of the oldest PostgreSQL that has what we use (`transaction_timeout`). */
export const VERSION_MIN = 170_000

/** Settings of which a crash takes advantage when they are off. */
const SETTINGS = ['fsync', 'full_page_writes', 'synchronous_commit'] as const
export type DurableSetting = (typeof SETTINGS)[number]

/** A setting that is off and should not be. */
export interface Weakness {
  readonly setting: DurableSetting
  /** Whether writes that this system has acknowledged are at stake. */
  readonly ours: boolean
  readonly message: string
  readonly remedy: string
}

/** What a crash could take, from the settings of a session that we open. */
export function weaknessesOf(settings: Readonly<Record<string, string>>): Weakness[] {
  return SETTINGS.filter((name) => settings[name] === 'off').map((setting) => {
    // Sessions of the data client that write turn this one on for themselves.
    const ours = setting !== 'synchronous_commit'
    return {
      setting,
      ours,
      message: ours
        ? `${setting} is off: a crash may lose acknowledged writes, or the whole database`
        : `${setting} is off: writes of this system wait for the disk all the same, those of others may be lost in a crash`,
      remedy: `\`alter system set ${setting} = on\`, then reload; look for it also in \`alter role\` and \`alter database\`.`,
    }
  })
}

const FACTS_SQL = `
  select current_setting('server_version_num') as number,
    (select json_object_agg(name, setting) from pg_settings where name = any($1)) as settings`

/**
 * Looks at databases that are not ours before anything is written to them. Resolves with what their operator should
 * know, a line each.
 *
 * @throws DatabaseUnreachable, DatabaseTooOld
 */
export async function inspectExternal(clusters: readonly ClusterOptions[]): Promise<string[]> {
  const found = await Promise.all(
    clusters.map(({ name, connection, members }) =>
      members === undefined ? inspect({ name, connection }) : inspectMembers(name, members),
    ),
  )
  return found.flat()
}

/** Of several servers some may be away: what those say that answer is enough. */
async function inspectMembers(name: string, members: readonly ClusterMember[]): Promise<string[]> {
  const seen = await Promise.allSettled(members.map(({ connection }) => inspect({ name, connection })))
  const lines = seen.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
  const refusal = seen.find(
    (one) => one.status === 'rejected' && !(one.reason instanceof DatabaseUnreachable),
  )
  const [first] = seen
  if (refusal?.status === 'rejected') throw refusal.reason
  if (lines.length === 0 && first?.status === 'rejected') throw first.reason
  return lines.flat()
}

async function inspect({ name, connection }: ClusterOptions): Promise<string[]> {
  const { number, settings } = await withConnection(connection, async (client) => {
    const { rows } = await client.query<{ number: string; settings: Record<string, string> }>(FACTS_SQL, [
      SETTINGS,
    ])
    return rows[0]!
  })
  if (Number(number) < VERSION_MIN) throw new DatabaseTooOld(addressOf(connection), versionText(number))
  return weaknessesOf(settings).map(
    ({ message }) => `${name} (${addressOf(connection)}): ${message}; see \`tenfold doctor\``,
  )
}

/** `180004` is 18.4. */
const versionText = (number: string): string =>
  `${Math.floor(Number(number) / 10_000)}.${Number(number) % 10_000}`
