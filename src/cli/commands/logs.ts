import { type Command, InvalidArgumentError } from 'commander'
import { ExitWith } from '../exit.ts'
import { print, say } from '../output.ts'
import { chosenFolder, dataOption, debugOption, examples, jsonOption } from '../places.ts'

const LINES_DEFAULT = 100

interface LogsFlags {
  readonly data?: string
  readonly follow?: true
  readonly node?: string
  readonly lines: number
  readonly json?: true
}

export function logsCommand(program: Command): void {
  const command = program
    .command('logs')
    .description('show the last lines of the logs, also of a system that is stopped')
    .option('-f, --follow', 'go on with what is written, until Ctrl-C')
    .option('--node <id>', 'only this node, e.g. web-1 or c0-pg-1')
    .option('-n, --lines <n>', 'how many lines of each node', count, LINES_DEFAULT)
    .addOption(dataOption())
    .addOption(jsonOption())
    .addOption(debugOption())
    .action(showLogs)
  examples(command, ['logs', 'logs --follow --node web-1', 'logs --json --lines 1000 | jq'])
}

async function showLogs(flags: LogsFlags): Promise<void> {
  const { stateFolder } = await import('../../supervisor/state-folder.ts')
  const { followLogs, logFiles, tailLogs } = await import('../../supervisor/logs.ts')
  const { existsSync } = await import('node:fs')
  const folder = stateFolder(chosenFolder(flags.data))
  const files = logFiles(folder)
  if (flags.node !== undefined && !(flags.node in files)) {
    const { nearest } = await import('../../supervisor/nearest.ts')
    const right = nearest(flags.node, Object.keys(files))
    say(
      `tenfold: there is no node ${flags.node}. ${right ? `Did you mean ${right}?` : `Known are ${Object.keys(files).join(', ')}.`}`,
    )
    throw new ExitWith(2)
  }
  if (!Object.values(files).some((file) => existsSync(file))) {
    const { NoLogs } = await import('../../supervisor/errors.ts')
    throw new NoLogs(folder.path)
  }
  const { lineText } = await import('../log-line.ts')
  const show = (entry: { node: string; line: string }): void => print(lineText(entry, flags.json ?? false))
  const query = { node: flags.node, lines: flags.lines }
  if (!flags.follow) {
    for (const entry of tailLogs(folder, query)) show(entry)
    return
  }
  const over = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => over.abort())
  process.stdout.once('error', () => over.abort())
  for await (const entry of followLogs(folder, query, over.signal)) show(entry)
}

function count(text: string): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 0) throw new InvalidArgumentError('It is not a whole number.')
  return value
}
