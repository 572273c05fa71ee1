import { readFileSync } from 'node:fs'
import { Command, CommanderError } from 'commander'
import { isTenfoldError } from '../core/errors.ts'
import { cacheCommand } from './commands/cache.ts'
import { doctorCommand } from './commands/doctor.ts'
import { faultCommand } from './commands/fault.ts'
import { initCommand } from './commands/init.ts'
import { jobsCommand } from './commands/jobs.ts'
import { logsCommand } from './commands/logs.ts'
import { migrateCommand } from './commands/migrate.ts'
import { recoverCommand } from './commands/recover.ts'
import { restartCommand } from './commands/restart.ts'
import { scaleCommand } from './commands/scale.ts'
import { sqlCommand } from './commands/sql.ts'
import { startCommand } from './commands/start.ts'
import { statusCommand } from './commands/status.ts'
import { stopCommand } from './commands/stop.ts'
import { typesCommand } from './commands/types.ts'
import { EXIT, ExitWith } from './exit.ts'
import { ignoreClosedOutput, sayError } from './output.ts'

const COMMANDS = [
  initCommand,
  startCommand,
  stopCommand,
  statusCommand,
  logsCommand,
  scaleCommand,
  restartCommand,
  faultCommand,
  recoverCommand,
  jobsCommand,
  migrateCommand,
  typesCommand,
  sqlCommand,
  doctorCommand,
  cacheCommand,
]

/** Errors that are about how the command was called. */
const USAGE_CODES = new Set<string>(['TENFOLD_CONFIG_INVALID', 'TENFOLD_STAGE_UNAVAILABLE'])

/** Runs one command line; resolves with the exit code. */
export async function run(args: readonly string[]): Promise<number> {
  ignoreClosedOutput()
  const program = createProgram()
  try {
    await program.parseAsync(args, { from: 'user' })
    return EXIT.done
  } catch (error) {
    if (error instanceof ExitWith) return error.code
    // Help and version come as errors too; commander has already printed what there is to say.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage
    sayError(error, args.includes('--debug'))
    return isTenfoldError(error) && USAGE_CODES.has(error.code) ? EXIT.usage : EXIT.failed
  }
}

export function createProgram(): Command {
  const program = new Command('tenfold')
    .description('Write an app once in TypeScript. Run it as one process, or on every tier.')
    .version(version(), '-V, --version')
    .showSuggestionAfterError()
    .showHelpAfterError('(see `tenfold --help`)')
    .configureOutput({ outputError: (text, write) => write(`tenfold: ${text.replace(/^error: /, '')}`) })
    .exitOverride()
  for (const add of COMMANDS) add(program)
  for (const command of program.commands) command.copyInheritedSettings(program)
  return program
}

function version(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}
