import { Argument, type Command } from 'commander'
import { printJson, say } from '../output.ts'
import { chosenFolder, dataOption, debugOption, examples, jsonOption } from '../places.ts'

const DONE: Readonly<Record<string, string>> = { kill: 'killed', pause: 'paused', resume: 'resumed' }

export function faultCommand(program: Command): void {
  const command = program
    .command('fault')
    .description(
      'break something on purpose, to see that nothing is lost: SIGKILL, SIGSTOP or SIGCONT of a node',
    )
    .addArgument(new Argument('<what>', 'kill, pause or resume').choices(Object.keys(DONE)))
    .argument('<node>', 'e.g. c0-pg-1; `tenfold status` lists them')
    .addOption(dataOption())
    .addOption(jsonOption())
    .addOption(debugOption())
    .action(async (what: string, node: string, options: { data?: string; json?: true }) => {
      const { askOperation } = await import('../../supervisor/control-client.ts')
      const nodes = await askOperation(chosenFolder(options.data), 'fault', { what, node })
      if (options.json) printJson({ nodes })
      else say(`${DONE[what]} ${nodes.join(', ')}`)
    })
  examples(command, ['fault kill c0-pg-1', 'fault pause c0-pg-2', 'fault resume c0-pg-2'])
}
