import type { Command } from 'commander'
import { printJson, say } from '../output.ts'
import { chosenFolder, dataOption, debugOption, examples, jsonOption } from '../places.ts'

export function stopCommand(program: Command): void {
  const command = program
    .command('stop')
    .description('stop the running system: requests in flight finish, then PostgreSQL stops')
    .addOption(dataOption())
    .addOption(jsonOption())
    .addOption(debugOption())
    .action(async (options: { data?: string; json?: true }) => {
      const { stopSystem } = await import('../../supervisor/stop.ts')
      const folder = chosenFolder(options.data)
      const { pids } = await stopSystem(folder)
      if (options.json) printJson({ stopped: pids })
      else say(`stopped (${pids.map((pid) => `process ${pid}`).join(', ')})`)
    })
  examples(command, ['stop', 'stop --data /var/lib/lightbox'])
}
