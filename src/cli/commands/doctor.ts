import type { Command } from 'commander'
import { ExitWith } from '../exit.ts'
import { print, printJson } from '../output.ts'
import { configOption, databaseOption, dataOption, debugOption, examples, jsonOption } from '../places.ts'
import type { TargetFlags } from '../target.ts'

export function doctorCommand(program: Command): void {
  const command = program
    .command('doctor')
    .description(
      'look for what is wrong or soon will be, each with its remedy; exit code 1 when something fails',
    )
    .argument('[app]', 'the app: a module or its folder (default: app.ts in the working folder)')
    .addOption(dataOption())
    .addOption(databaseOption())
    .option('--pg-bin <dir>', 'folder with initdb and postgres (default: PostgreSQL from npm)')
    .addOption(configOption())
    .addOption(jsonOption())
    .addOption(debugOption())
    .action(async (app: string | undefined, flags: TargetFlags & { json?: true }) => {
      const { examine } = await import('../doctor/run.ts')
      const { findingText } = await import('../doctor/finding.ts')
      const findings = await examine(app, flags)
      if (flags.json) printJson(findings)
      else print(findings.map((finding) => findingText(finding)).join('\n'))
      if (findings.some(({ level }) => level === 'fail')) throw new ExitWith(1)
    })
  examples(command, ['doctor', 'doctor --database postgres://me@db/app', 'doctor --json'])
}
