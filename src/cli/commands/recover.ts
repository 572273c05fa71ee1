import type { Command } from 'commander'
import type { Recovered } from '../../supervisor/recover.ts'
import { print, printJson, say, table } from '../output.ts'
import { chosenFolder, dataOption, debugOption, examples, jsonOption } from '../places.ts'

interface Flags {
  readonly data?: string
  readonly json?: true
  readonly export?: string
  readonly discard?: true
  readonly pgBin?: string
}

export function recoverCommand(program: Command): void {
  const command = program
    .command('recover')
    .description('list what a failover at `durability: available` has lost, by commit marker, with its rows')
    .option('--export <file>', 'write it to this file, one transaction a line, as JSON')
    .option('--discard', 'afterwards remove the data folders of the old primaries for good')
    .option('--pg-bin <dir>', 'folder with initdb and postgres (default: PostgreSQL from npm)')
    .addOption(dataOption())
    .addOption(jsonOption())
    .addOption(debugOption())
    .action(run)
  examples(command, ['recover', 'recover --export lost.jsonl', 'recover --export lost.jsonl --discard'])
}

async function run(flags: Flags): Promise<void> {
  const { discard, recover } = await import('../../supervisor/recover.ts')
  const target = { folder: chosenFolder(flags.data), databases: [], pgBin: flags.pgBin }
  const found = await recover(target, (line) => say(`tenfold: ${line}`))
  if (flags.export !== undefined) {
    const { writeFile } = await import('node:fs/promises')
    await writeFile(flags.export, exportLines(found), { mode: 0o600 })
  }
  if (flags.json) printJson(found)
  else print(recoveredText(found))
  if (flags.discard) {
    await discard(found)
    say(`removed ${found.map(({ folder }) => folder).join(', ') || 'nothing'}`)
  }
}

/** One transaction a line. */
export const exportLines = (found: readonly Recovered[]): string =>
  found
    .flatMap(({ cluster, transactions }) =>
      transactions.map((one) => `${JSON.stringify({ cluster, ...one })}\n`),
    )
    .join('')

/** What was lost, for a person. */
export function recoveredText(found: readonly Recovered[]): string {
  if (found.length === 0) return 'No failover has lost anything.'
  return found
    .map(({ cluster, folder, transactions }) => {
      const head = `${cluster}, ${folder}: ${transactions.length} acknowledged transactions were lost`
      if (transactions.length === 0) return head
      const rows = transactions.map(({ marker, requestedAt, name, key, rows: left }) => [
        marker,
        requestedAt.slice(0, 19).replace('T', ' '),
        name,
        key,
        Object.entries(left)
          .map(([name_, list]) => `${list.length} ${name_}`)
          .join(', ') || '-',
      ])
      return `${head}\n\n${table([['MARKER', 'REQUESTED', 'WRITE', 'KEY', 'ROWS'], ...rows])}`
    })
    .join('\n\n')
}
