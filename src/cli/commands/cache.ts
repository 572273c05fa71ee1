import type { Command } from 'commander'
import type { CacheKeyReport, CacheReport } from '../../cache/index.ts'
import { print, printJson, table } from '../output.ts'
import { chosenFolder, dataOption, debugOption, examples, jsonOption } from '../places.ts'

export function cacheCommand(program: Command): void {
  const cache = program
    .command('cache')
    .description('look into the cache of the running system')
    .addOption(debugOption())
  examples(cache, ['cache inspect', "cache inspect 'userCard[12]'"])
  const inspect = cache
    .command('inspect')
    .argument(
      '[key]',
      'a cached value by name and arguments, e.g. userCard[12]; without it, the cache as a whole',
    )
    .description('show what is cached, how old it is and what it waits for')
    .addOption(dataOption())
    .addOption(jsonOption())
    .addOption(debugOption())
    .action(async (key: string | undefined, options: { data?: string; json?: true }) => {
      const { askCache, askCacheKey } = await import('../../supervisor/control-client.ts')
      const folder = chosenFolder(options.data)
      if (key === undefined) {
        const report = await askCache(folder)
        if (options.json) printJson(report)
        else print(cacheText(report))
        return
      }
      const report = await askCacheKey(folder, key)
      if (options.json) printJson(report)
      else print(keyText(report))
    })
  examples(inspect, ['cache inspect', "cache inspect 'userCard[12]'", "cache inspect 'userCard[12]' --json"])
}

/** The cache as a whole, for a person. */
export function cacheText(report: CacheReport): string {
  const clusters = table([
    ['CLUSTER', 'POSITION', 'TIMELINE', 'AGE', 'FLOORS', 'IN DOUBT'],
    ...Object.entries(report.clusters).map(
      ([name, { position, timeline, positionAgeMs, floors, keysInDoubt }]) => [
        name,
        position ?? '-',
        String(timeline),
        milliseconds(positionAgeMs),
        String(floors),
        String(keysInDoubt),
      ],
    ),
  ])
  const hot = table([
    ['READS', 'KEY'],
    ...report.hotKeys.map(({ key, reads, error }) => [`${reads} (±${error})`, key]),
  ])
  return `${report.entries} values, ${megabytes(report.bytes)} of ${megabytes(report.bytesMax)}\n\n${clusters}\n\nRead most, by a sample\n${hot}`
}

/** What is known of a key, for a person. */
export function keyText({ key, copies }: CacheKeyReport): string {
  if (copies.length === 0) return `${key} is not cached, and was not invalidated lately.`
  const rows = copies.map((copy) => [
    copy.cluster,
    copy.shard,
    copy.inDoubt ? 'in doubt' : copy.present ? 'cached' : 'absent',
    milliseconds(copy.ageMs),
    milliseconds(copy.ttlLeftMs),
    copy.from === null ? '-' : `${copy.from} to ${copy.upto}`,
    copy.floor ?? '-',
    copy.position ?? '-',
    String(copy.bytes),
    String(copy.hits),
  ])
  const head = [
    'CLUSTER',
    'SHARD',
    'STATE',
    'AGE',
    'TTL LEFT',
    'READ AT',
    'FLOOR',
    'POSITION',
    'BYTES',
    'HITS',
  ]
  return `${key}\n\n${table([head, ...rows])}`
}

const milliseconds = (ms: number | null): string => (ms === null ? '-' : `${(ms / 1000).toFixed(1)} s`)
const megabytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`
