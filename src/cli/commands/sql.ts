import type { Command } from 'commander'
import { configOption, databaseOption, dataOption, debugOption, examples, jsonOption } from '../places.ts'
import type { SqlFlags } from '../sql/run.ts'

export function sqlCommand(program: Command): void {
  const command = program
    .command('sql')
    .description('run SQL on a cluster: psql when it is installed, else statements from -c or standard input')
    .argument('[app]', 'the app, when the state folder holds several')
    .option('-c, --command <sql>', 'run this and end')
    .option('--cluster <name>', 'which cluster', 'c0')
    .option('--write', 'allow changes; without it the session is read-only')
    .addOption(dataOption())
    .addOption(databaseOption())
    .option('--pg-bin <dir>', 'folder with initdb and postgres (default: PostgreSQL from npm)')
    .addOption(configOption())
    .addOption(jsonOption())
    .addOption(debugOption())
    .action(async (app: string | undefined, flags: SqlFlags) => {
      const { runSql } = await import('../sql/run.ts')
      await runSql(app, flags)
    })
  examples(command, [
    'sql -c "select count(*) from users"',
    'sql --cluster c1 --json < report.sql',
    'sql --write                 # interactive; the fence still refuses rows of a bucket it has not entered',
  ])
}
