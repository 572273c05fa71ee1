import type { Command } from 'commander'
import { sayProgress } from '../operation-progress.ts'
import { printJson, say } from '../output.ts'
import { chosenFolder, dataOption, debugOption, examples, jsonOption } from '../places.ts'

export function restartCommand(program: Command): void {
  const command = program
    .command('restart')
    .description('restart a node, or the nodes of a tier one after another; a primary hands over first')
    .argument('<node|tier>', 'e.g. c0-pg-1, web-1, relay-1, or data, web, worker, relay')
    .addOption(dataOption())
    .addOption(jsonOption())
    .addOption(debugOption())
    .action(async (target: string, options: { data?: string; json?: true }) => {
      const { askOperation } = await import('../../supervisor/control-client.ts')
      const nodes = await askOperation(
        chosenFolder(options.data),
        'restart',
        { target },
        {
          onProgress: sayProgress,
        },
      )
      if (options.json) printJson({ nodes })
      else say(`restarted ${nodes.join(', ')}`)
    })
  examples(command, ['restart c0-pg-1', 'restart data', 'restart relay-1 --data /var/lib/lightbox'])
}
