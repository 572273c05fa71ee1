import type { Command } from 'commander'
import { print, printJson, say } from '../output.ts'
import { configOption, databaseOption, dataOption, debugOption, examples, jsonOption } from '../places.ts'
import type { TargetFlags } from '../target.ts'

export function migrateCommand(program: Command): void {
  const command = program
    .command('migrate')
    .description(
      'apply the app’s migrations on every cluster, running or not; `migrate new NAME` begins a new one',
    )
    .argument('[app]', 'the app: a module or its folder (default: app.ts in the working folder)')
    .addOption(dataOption())
    .addOption(databaseOption())
    .option('--pg-bin <dir>', 'folder with initdb and postgres (default: PostgreSQL from npm)')
    .addOption(configOption())
    .addOption(jsonOption())
    .addOption(debugOption())
    .action(async (app: string | undefined, flags: TargetFlags & { json?: true }) => {
      const { applyMigrations } = await import('../migrate.ts')
      const applied = await applyMigrations(app, flags)
      if (flags.json) return printJson(applied)
      const lines = Object.entries(applied).flatMap(([cluster, names]) =>
        names.map((name) => `${cluster}: ${name}`),
      )
      if (lines.length === 0) say('nothing to migrate')
      else print(lines.join('\n'))
    })
  const fresh = command
    .command('new')
    .description('make an empty migration with the next number and print its path')
    .argument('<name>', 'what it does, e.g. "add bio"')
    .option('--app <app>', 'the app: a module or its folder (default: app.ts in the working folder)')
    .addOption(debugOption())
    .action(async (name: string, flags: { app?: string }) => {
      const { newMigration } = await import('../migrate.ts')
      print(await newMigration(name, flags.app))
    })
  examples(fresh, ['migrate new "add bio"'])
  examples(command, ['migrate', 'migrate new "add bio"', 'migrate --database postgres://me@db/app'])
}
