import { resolve } from 'node:path'
import { type Command, Option } from 'commander'

/** Options that several commands share, each described in one place. */
export const dataOption = (): Option =>
  new Option('--data <dir>', 'the state folder (default: .tenfold in the working folder)')
export const configOption = (): Option =>
  new Option('--config <file>', 'configuration file (default: tenfold.config.json beside the app)')
export const databaseOption = (): Option =>
  new Option('--database <url...>', 'work on these databases, one per cluster, instead of the state folder')
export const jsonOption = (): Option => new Option('--json', 'print JSON instead of text')
export const debugOption = (): Option => new Option('--debug', 'show stacks of errors and timings')

/** Adds examples below the help of a command. */
export function examples(command: Command, lines: readonly string[]): Command {
  return command.addHelpText(
    'after',
    `\nExamples:\n${lines.map((line) => `  $ tenfold ${line}`).join('\n')}\n`,
  )
}

/**
 * The state folder of a command that finds a running system: the flag, else the environment, else the default.
 * Configuration files are not read: what a running system was started with does not matter to find it.
 */
export function chosenFolder(data: string | undefined): string {
  return resolve(data ?? (process.env.TENFOLD_DATA || '.tenfold'))
}
