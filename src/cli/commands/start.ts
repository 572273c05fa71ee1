import { type Command, InvalidArgumentError, Option } from 'commander'
import { configOption, dataOption, debugOption, examples, jsonOption } from '../places.ts'
import type { StartFlags } from '../start-flags.ts'

/** Flags of later stages: known, so that they are refused with a reason and never ignored. */
const LATER = ['--web <n>', '--edges <n>', '--cache <engine>', '--balancer <engine>']

export function startCommand(program: Command): void {
  const command = program
    .command('start')
    .description('start the app with all its tiers, in the foreground; Ctrl-C stops it')
    .argument('[app]', 'the app: a module or its folder (default: app.ts in the working folder)')
    .option('--stage <name|n>', 'stage of the ladder: single (default), split or replicated')
    .option('--replicas <n>', 'replicas of each primary (default at stage replicated: 2)')
    .option(
      '--durability <strict|available>',
      'without a replica at hand: commits wait (strict, default), or go on, on one disk (available)',
    )
    .option('--workers <n>', 'processes that only run jobs (default: the web node runs them)')
    .option(
      '--clusters <n>',
      'clusters: databases of the one PostgreSQL, or from stage split on one each',
      number,
    )
    .option('--port <n>', 'port of the app on 127.0.0.1, 0 takes a free one (default: 3000)', number)
    .option(
      '--console-port <n>',
      'port of health, metrics and status, 0 takes a free one (default: 3001)',
      number,
    )
    .addOption(dataOption())
    .option(
      '--database <url...>',
      'use these PostgreSQL databases, one per cluster, instead of the embedded server',
    )
    .option('--pg-bin <dir>', 'folder with initdb and postgres (default: PostgreSQL from npm)')
    .option('--cpu <n>', 'processors to size for (default: those of the machine)', number)
    .option('--memory <size>', 'memory to size for, e.g. 2GB (default: small)')
    .option('--watch', 'start again when sources, assets or migrations change')
    .addOption(configOption())
    .addOption(jsonOption())
    .addOption(debugOption())
    .action(async (app: string | undefined, flags: StartFlags) => {
      const { start } = await import('../start.ts')
      await start(app, flags)
    })
  for (const flags of LATER) command.addOption(new Option(flags).hideHelp())
  examples(command, [
    'start',
    'start app.ts --watch',
    'start --port 8080 --data /var/lib/lightbox --memory 4GB',
    'start --clusters 2                      # two clusters, as after sharding',
    'start --stage replicated                # web, relay, a primary and two replicas, each in a process of its own',
    'start --database postgres://me@db/app   # a PostgreSQL of your own',
  ])
}

function number(text: string): number {
  const value = Number(text)
  if (text.trim() === '' || !Number.isFinite(value)) throw new InvalidArgumentError('It is not a number.')
  return value
}
