import { type Command, InvalidArgumentError } from 'commander'
import { REPLICAS_MAX } from '../../data/failover/options.ts'
import { sayProgress } from '../operation-progress.ts'
import { printJson, say } from '../output.ts'
import { chosenFolder, dataOption, debugOption, examples, jsonOption } from '../places.ts'

export function scaleCommand(program: Command): void {
  const command = program
    .command('scale')
    .description('change how many nodes there are, while the system runs')
    .argument('<target=n>', `data.replicas=N: replicas of each primary, at most ${REPLICAS_MAX}`, assignment)
    .addOption(dataOption())
    .addOption(jsonOption())
    .addOption(debugOption())
    .action(async ({ target, count }: Assignment, options: { data?: string; json?: true }) => {
      const { askOperation } = await import('../../supervisor/control-client.ts')
      const nodes = await askOperation(
        chosenFolder(options.data),
        'scale',
        { target, count },
        {
          onProgress: sayProgress,
        },
      )
      if (options.json) printJson({ nodes })
      else say(`${target} is ${count} now: ${nodes.join(', ')}`)
    })
  examples(command, ['scale data.replicas=3', 'scale data.replicas=1 --json'])
}

interface Assignment {
  readonly target: string
  readonly count: string
}

function assignment(text: string): Assignment {
  const [, target = '', count = ''] = /^(data\.replicas)=(\d{1,3})$/.exec(text) ?? []
  if (target === '') throw new InvalidArgumentError('Write it as data.replicas=2.')
  if (Number(count) > REPLICAS_MAX)
    throw new InvalidArgumentError(`A primary has at most ${REPLICAS_MAX} replicas.`)
  return { target, count }
}
