import type { Command } from 'commander'
import type { RowsByTable } from '../../data/failover/recover.ts'
import type { Recovered } from '../../supervisor/recover.ts'
import { EXIT, ExitWith } from '../exit.ts'
import { print, printJson, say, table } from '../output.ts'
import { configOption, dataOption, debugOption, examples, jsonOption } from '../places.ts'

interface Flags {
  readonly data?: string
  readonly config?: string
  readonly json?: true
  readonly export?: string
  readonly discard?: true
  readonly pgBin?: string
}

export function recoverCommand(program: Command): void {
  const command = program
    .command('recover')
    .description('list what a failover at `durability: available` has lost, by commit marker, with its rows')
    .argument('[app]', 'the app, when the state folder holds several')
    .option('--export <file>', 'write it to this file, one transaction a line, as JSON')
    .option('--discard', 'afterwards remove the data folders of the old primaries for good')
    .option('--pg-bin <dir>', 'folder with initdb and postgres (default: PostgreSQL from npm)')
    .addOption(dataOption())
    .addOption(configOption())
    .addOption(jsonOption())
    .addOption(debugOption())
    .action(run)
  examples(command, ['recover', 'recover --export lost.jsonl', 'recover --export lost.jsonl --discard'])
}

async function run(named: string | undefined, flags: Flags): Promise<void> {
  const { discard, recover } = await import('../../supervisor/recover.ts')
  const { appNameOf, chooseTarget } = await import('../target.ts')
  const chosen = chooseTarget(named, flags, 'no app')
  const app = await appNameOf(chosen)
  // Folders are kept where the servers are our own.
  const target = { ...chosen, databases: [], app }
  const found = await recover(target, (line) => say(`tenfold: ${line}`))
  if (flags.export !== undefined) {
    const { writeFile } = await import('node:fs/promises')
    await writeFile(flags.export, exportLines(found), { mode: 0o600 })
  }
  if (flags.json) printJson(found)
  else print(recoveredText(found))
  const removed = flags.discard ? await discard(found) : []
  if (flags.discard) say(`removed ${removed.join(', ') || 'nothing'}`)
  if (found.some(({ trouble, folder }) => trouble && !removed.includes(folder)))
    throw new ExitWith(EXIT.failed)
}

/** One transaction a line; then, in a line of its own, the rows that belong to none of them. */
export const exportLines = (found: readonly Recovered[]): string =>
  found
    .flatMap(({ cluster, transactions, otherRows }) => [
      ...transactions.map((one) => ({ cluster, ...one })),
      ...(Object.keys(otherRows).length > 0 ? [{ cluster, marker: null, rows: otherRows }] : []),
    ])
    .map((line) => `${JSON.stringify(line)}\n`)
    .join('')

const counts = (rows: RowsByTable): string =>
  Object.entries(rows)
    .map(([name, list]) => `${list.length} ${name}`)
    .join(', ')

/** What was lost, for a person. */
export function recoveredText(found: readonly Recovered[]): string {
  if (found.length === 0) return 'No failover has lost anything.'
  return found.map(oneText).join('\n\n')
}

function oneText({ cluster, folder, transactions, otherRows, trouble }: Recovered): string {
  if (trouble) return `${cluster}, ${folder}: acknowledged transactions may be lost. ${trouble.text}`
  const parts = [`${cluster}, ${folder}: ${transactions.length} acknowledged transactions were lost`]
  const lines = transactions.map(({ marker, requestedAt, name, key, rows }) => [
    marker,
    requestedAt.slice(0, 19).replace('T', ' '),
    name,
    key,
    counts(rows) || '-',
  ])
  if (lines.length > 0) parts.push(table([['MARKER', 'REQUESTED', 'WRITE', 'KEY', 'ROWS'], ...lines]))
  const others = counts(otherRows)
  if (others)
    parts.push(`Rows written under a savepoint, or without write(): ${others}; see --json or --export.`)
  return parts.join('\n\n')
}
