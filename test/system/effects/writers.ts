import { randomUUID } from 'node:crypto'
import pg from 'pg'
import type { LocalEffects } from '../../../src/core/effects.ts'
import { parseLsn, timelineOfWalFile } from '../../../src/core/lsn.ts'
import type { Position } from '../../../src/core/position.ts'
import type { ClusterOptions } from '../../../src/data/client/types.ts'
import type { PositionChecker } from './positions.ts'

export const INSERT = 'insert into tenfold.effects (marker, bucket, tag, effects) values ($1, 0, 0, $2)'
const POSITION = 'select lsn, pg_walfile_name(lsn) as wal from pg_current_wal_flush_lsn() lsn'

export interface WriterOptions {
  readonly cluster: ClusterOptions
  readonly checker: PositionChecker
  /** Of the process that commits, asked anew for each commit; none: another machine's process. */
  readonly local: () => LocalEffects | undefined
  readonly signal: AbortSignal
}

/** Commits effects one after the other until it is told to stop; connects again when the server was away. */
export async function write({ cluster, checker, local, signal }: WriterOptions): Promise<void> {
  let client: pg.Client | undefined
  while (!signal.aborted) {
    try {
      client ??= await connect(cluster)
      await commit(client, cluster.name, checker, local())
    } catch {
      await client?.end().catch(() => {})
      client = undefined
    }
  }
  await client?.end()
}

export async function connect({ connection }: ClusterOptions): Promise<pg.Client> {
  const client = new pg.Client(connection)
  client.on('error', () => {}) // its next statement fails
  await client.connect()
  return client
}

/** Every third transaction takes its time between its row and COMMIT: others overtake it. */
export async function commit(
  client: pg.Client,
  cluster: string,
  checker: PositionChecker,
  local?: LocalEffects,
): Promise<void> {
  const marker = randomUUID()
  const effects = { invalidate: [marker] }
  const begun = checker.step()
  await client.query('begin')
  await client.query(INSERT, [marker, JSON.stringify(effects)])
  if (begun % 3 === 0) await client.query('select pg_sleep(0.02)')
  if (begun % 7 === 0) return void (await client.query('rollback'))
  const doubt = local?.begin(cluster, marker, effects)
  try {
    await client.query('commit')
    const position = await positionOf(client)
    doubt?.committed(position)
    checker.acknowledge(cluster, { key: marker, begun, position })
  } catch (error) {
    doubt?.unknown(10_000)
    throw error
  }
}

export async function positionOf(client: pg.Client): Promise<Position> {
  const { rows } = await client.query(POSITION)
  return { lsn: parseLsn(rows[0].lsn), timeline: timelineOfWalFile(rows[0].wal) }
}
