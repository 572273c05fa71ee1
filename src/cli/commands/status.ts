import type { Command } from 'commander'
import type { DurabilityStatus, RelayStatus, SystemStatus } from '../../core/topology.ts'
import { print, printJson, table } from '../output.ts'
import { chosenFolder, dataOption, debugOption, examples, jsonOption } from '../places.ts'

export function statusCommand(program: Command): void {
  const command = program
    .command('status')
    .description('show what runs: nodes, their states, who owns which shards')
    .addOption(dataOption())
    .addOption(jsonOption())
    .addOption(debugOption())
    .action(async (options: { data?: string; json?: true }) => {
      const { askStatus } = await import('../../supervisor/control-client.ts')
      const status = await askStatus(chosenFolder(options.data))
      if (options.json) printJson(status)
      else print(statusText(status))
    })
  examples(command, ['status', 'status --json | jq .url', 'status --data /var/lib/lightbox'])
}

/** Age up to which a position is good enough for cached values. */
const BOUND_MS = 1_000

function relayText({ leads, since, position, ageMs, pendingEffects }: RelayStatus): string {
  if (leads) return `delivered to ${position}, ${ageMs} ms ago, ${pendingEffects} waiting`
  if (ageMs !== null && ageMs <= BOUND_MS)
    return `followed to ${position}, ${ageMs} ms ago; it is led elsewhere`
  const reached = position === null ? '' : `; delivered to ${position} before`
  return `the relay is led elsewhere, or nowhere, since ${timeText(since)}: cached values come from the database${reached}`
}

function durabilityText({ choice, commits, standbys }: DurabilityStatus): string {
  if (commits === 'two disks') return `each is on two disks (one of ${standbys.join(', ')} has it)`
  if (commits === 'waiting') return 'none is acknowledged: no replica is there (durability strict)'
  return choice === 'available'
    ? 'on one disk only: no replica is there'
    : 'on one disk: there are no replicas'
}

const timeText = (at: string): string => at.slice(0, 19).replace('T', ' ')

/** The status for a person. */
export function statusText(status: SystemStatus): string {
  const places = [status.url, status.consoleUrl && `console ${status.consoleUrl}`].filter((place) => place)
  const head = [
    status.app || 'The app',
    `is ${status.state}`,
    places.length > 0 ? `at ${places.join(', ')}` : '',
  ]
  const nodes = table([
    ['NODE', 'TIER', 'ROLE', 'STATE', 'PID', 'SINCE', 'POSITION', 'ADDRESS'],
    ...status.nodes.map((node) => [
      node.id,
      node.tier,
      node.role ?? '-',
      node.state,
      String(node.pid ?? '-'),
      timeText(node.startedAt),
      node.lsn === undefined ? '-' : `${node.lsn} (timeline ${node.timeline})`,
      node.address,
    ]),
  ])
  const owners = Object.entries(status.directory.clusters).map(
    ([cluster, ranges]) =>
      `${cluster}: buckets ${ranges.map(([first, last]) => `${first}-${last}`).join(', ')}`,
  )
  const shards =
    owners.length > 0 ? `\n\nShards (epoch ${status.directory.epoch})\n  ${owners.join('\n  ')}` : ''
  const relays = Object.entries(status.relay).map(([cluster, relay]) => `${cluster}: ${relayText(relay)}`)
  const effects = relays.length > 0 ? `\n\nEffects\n  ${relays.join('\n  ')}` : ''
  const commits = Object.entries(status.durability ?? {}).map(
    ([cluster, durability]) => `${cluster}: ${durabilityText(durability)}`,
  )
  const disks = commits.length > 0 ? `\n\nCommits\n  ${commits.join('\n  ')}` : ''
  return `${head.filter((part) => part !== '').join(' ')} (stage ${status.stage})\n\n${nodes}${shards}${effects}${disks}`
}
