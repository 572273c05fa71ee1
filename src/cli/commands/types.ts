import type { Command } from 'commander'
import { print, say } from '../output.ts'
import { configOption, databaseOption, dataOption, debugOption, examples } from '../places.ts'
import type { TargetFlags } from '../target.ts'

export function typesCommand(program: Command): void {
  const command = program
    .command('types')
    .description('write the TypeScript interface Schema of the migrated database')
    .argument('[app]', 'the app, when the state folder holds several')
    .option('-o, --out <file>', 'write to this file, only when it changes (default: standard output)')
    .addOption(dataOption())
    .addOption(databaseOption())
    .option('--pg-bin <dir>', 'folder with initdb and postgres (default: PostgreSQL from npm)')
    .addOption(configOption())
    .addOption(debugOption())
    .action(async (app: string | undefined, flags: TargetFlags & { out?: string }) => {
      const { readFile, writeFile } = await import('node:fs/promises')
      const { generateTypes } = await import('../types/generate.ts')
      const source = await generateTypes(app, flags)
      if (flags.out === undefined) return print(source)
      const before = await readFile(flags.out, 'utf8').catch(() => undefined)
      if (before !== source) await writeFile(flags.out, source)
      say(before === source ? `${flags.out} is up to date` : `wrote ${flags.out}`)
    })
  examples(command, ['types --out schema.ts', 'types --database postgres://me@db/app'])
}
