import { formatLsn, type Lsn } from '../core/lsn.ts'
import type { ClusterState } from './cluster-state.ts'
import type { HotKey, HotKeys } from './hot-keys.ts'
import type { Entry, MemoryLevel } from './level.ts'

/** What the level knows of a key in one shard. Positions are in PostgreSQL's form, null when there is none. */
export interface CacheCopy {
  readonly cluster: string
  /** `bucket.tag`, or `h` for the home cluster's tables. */
  readonly shard: string
  readonly present: boolean
  readonly ageMs: number | null
  readonly ttlLeftMs: number | null
  readonly from: string | null
  readonly upto: string | null
  readonly floor: string | null
  /** Of the level, in this cluster. */
  readonly position: string | null
  /** Whether a transaction that changes it is about to commit, or its outcome is unknown. */
  readonly inDoubt: boolean
  readonly bytes: number
  readonly hits: number
}

/** Answer of `tenfold cache inspect KEY`. */
export interface CacheKeyReport {
  readonly key: string
  /** Whether any shard has it. */
  readonly present: boolean
  readonly copies: readonly CacheCopy[]
}

/** Answer of `tenfold cache inspect`. */
export interface CacheReport {
  readonly entries: number
  readonly bytes: number
  readonly bytesMax: number
  readonly clusters: Readonly<
    Record<
      string,
      {
        readonly position: string | null
        readonly timeline: number
        readonly positionAgeMs: number | null
        readonly floors: number
        readonly baseFloor: string | null
        readonly keysInDoubt: number
      }
    >
  >
  /** The most read keys; counts are estimates from a sample, and older reads count less. */
  readonly hotKeys: readonly HotKey[]
}

const HOT_KEYS_SHOWN = 20
const COPIES_MAX = 100

const lsnText = (lsn: Lsn): string | null => (lsn < 0n ? null : formatLsn(lsn))

/** The level as a whole. @param now monotonic milliseconds of the positions' clock */
export function reportLevel(
  level: MemoryLevel,
  hotKeys: HotKeys,
  bytesMax: number,
  now: number,
): CacheReport {
  const clusters = level.states().map((state) => [
    state.cluster,
    {
      position: lsnText(state.lsn),
      timeline: state.timeline,
      positionAgeMs: state.lsn < 0n ? null : Math.round(now - state.takenAt),
      floors: state.floors.size,
      baseFloor: lsnText(state.floors.base),
      keysInDoubt: state.holds.size,
    },
  ])
  return {
    entries: level.size,
    bytes: level.bytes,
    bytesMax,
    clusters: Object.fromEntries(clusters),
    hotKeys: hotKeys.top(HOT_KEYS_SHOWN),
  }
}

/**
 * A key in every shard that has a value, a floor or a doubt for it. `key` is `name[arguments]`, e.g. `userCard[12]`, or begins
 * with its shard, as hot keys are shown.
 */
export function reportKey(level: MemoryLevel, key: string, ttlNow: number): CacheKeyReport {
  const fits = (text: string): boolean => text === key || text.slice(text.indexOf(' ') + 1) === key
  const copies: CacheCopy[] = []
  for (const state of level.states()) {
    const entries = new Map<string, Entry>()
    for (const entry of level.entries())
      if (entry.state === state && fits(entry.text)) entries.set(entry.text, entry)
    const texts = new Set(entries.keys())
    for (const text of [...state.floors.keys(), ...state.holds.keys()]) if (fits(text)) texts.add(text)
    for (const text of texts) copies.push(copyOf(state, text, entries.get(text), ttlNow))
  }
  return { key, present: copies.some(({ present }) => present), copies: copies.slice(0, COPIES_MAX) }
}

function copyOf(state: ClusterState, text: string, entry: Entry | undefined, ttlNow: number): CacheCopy {
  return {
    cluster: state.cluster,
    shard: text.slice(0, text.indexOf(' ')),
    present: entry !== undefined,
    ageMs: entry ? Math.round(ttlNow - entry.storedAt) : null,
    ttlLeftMs: entry ? Math.round(entry.expiresAt - ttlNow) : null,
    from: entry ? formatLsn(entry.from) : null,
    upto: entry ? formatLsn(entry.upto) : null,
    floor: lsnText(state.floors.of(text)),
    position: lsnText(state.lsn),
    inDoubt: state.holds.has(text),
    bytes: entry?.bytes ?? 0,
    hits: entry?.hits ?? 0,
  }
}
