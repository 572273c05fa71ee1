import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import type { ConnectionOptions } from '../../data/client/types.ts'
import { statementsOf } from '../../data/migrations/statements.ts'
import { withClusters } from '../../supervisor/access.ts'
import { withConnection } from '../../supervisor/databases.ts'
import { nearest } from '../../supervisor/nearest.ts'
import { ExitWith } from '../exit.ts'
import { print, say } from '../output.ts'
import { appNameOf, chooseTarget, type TargetFlags } from '../target.ts'
import { explainSql } from './explain.ts'
import { type Outcome, outcomeText } from './outcome.ts'
import { prompt } from './prompt.ts'

/** Flags of `tenfold sql`. */
export interface SqlFlags extends TargetFlags {
  readonly command?: string
  readonly cluster: string
  readonly write?: true
  readonly json?: true
}

/** Runs statements one by one, or hands over to psql. */
export async function runSql(named: string | undefined, flags: SqlFlags): Promise<void> {
  const target = chooseTarget(named, flags, 'no app')
  const app = await appNameOf(target)
  await withClusters({ ...target, app, writes: flags.write }, async (clusters) => {
    const names = clusters.map(({ name }) => name)
    const cluster = clusters.find(({ name }) => name === flags.cluster)
    if (cluster === undefined) {
      const right = nearest(flags.cluster, names) ?? names.join(', ')
      say(`tenfold: there is no cluster ${flags.cluster}; there is ${right}.`)
      throw new ExitWith(2)
    }
    const interactive = flags.command === undefined && process.stdin.isTTY === true
    if (interactive && !flags.json && (await psql(cluster.connection, flags.write ?? false))) return
    await withConnection(cluster.connection, async (client) => {
      if (!flags.write) await client.query('set default_transaction_read_only = on')
      const run = async (sql: string): Promise<void> => {
        for (const statement of statementsOf(sql)) {
          const outcome: Outcome = await client.query({ text: statement.text, rowMode: 'array' })
          print(outcomeText(outcome, flags.json ?? false))
        }
      }
      if (interactive) return prompt(flags.cluster, run)
      try {
        await run(flags.command ?? (await text(process.stdin)))
      } catch (error) {
        say(`tenfold: ${explainSql(error)}`)
        throw new ExitWith(1)
      }
    })
  })
}

/** False when psql is not installed. */
function psql(connection: ConnectionOptions, write: boolean): Promise<boolean> {
  const { host, port, user, password, database, ssl } = connection
  return new Promise((resolve, reject) => {
    const child = spawn('psql', [], {
      stdio: 'inherit',
      env: {
        ...process.env,
        PGHOST: host,
        PGPORT: String(port),
        PGUSER: user,
        PGDATABASE: database,
        PGAPPNAME: 'tenfold sql',
        ...(password !== undefined && { PGPASSWORD: password }),
        ...(ssl !== undefined && { PGSSLMODE: ssl === true ? 'verify-full' : 'require' }),
        ...(!write && { PGOPTIONS: '-c default_transaction_read_only=on' }),
      },
    })
    // Ctrl-C ends a query in psql, not us.
    const ignore = (): void => {}
    process.on('SIGINT', ignore)
    child.on('error', (error: NodeJS.ErrnoException) => {
      process.off('SIGINT', ignore)
      if (error.code === 'ENOENT') resolve(false)
      else reject(error)
    })
    child.on('exit', (code) => {
      process.off('SIGINT', ignore)
      if (code === 0) resolve(true)
      else reject(new ExitWith(1))
    })
  })
}
