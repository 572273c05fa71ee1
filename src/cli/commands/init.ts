import { relative, resolve } from 'node:path'
import type { Command } from 'commander'
import { print, printJson, say } from '../output.ts'
import { debugOption, examples, jsonOption } from '../places.ts'

export function initCommand(program: Command): void {
  const command = program
    .command('init')
    .description('make a new app that runs, with tests, Dockerfile, systemd unit and CI workflow')
    .argument('[dir]', 'an empty or a new folder', '.')
    .addOption(jsonOption())
    .addOption(debugOption())
    .action(async (dir: string, options: { json?: true }) => {
      const { appName, makeApp } = await import('../init/make.ts')
      const { templateVersions } = await import('../init/versions.ts')
      const files = makeApp(dir, { NAME: appName(dir), ...templateVersions() }).toSorted()
      if (options.json) printJson({ files })
      else print(files.join('\n'))
      const here = relative(process.cwd(), resolve(dir))
      say(`\nNext:${here === '' ? '' : `\n  cd ${here}`}\n  npm install\n  npm run dev`)
    })
  examples(command, ['init my-app'])
}
