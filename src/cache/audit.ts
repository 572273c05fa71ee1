import type { Clock } from '../core/clock.ts'
import type { PositionDemand } from '../core/effects.ts'
import { isTenfoldError } from '../core/errors.ts'
import type { Lsn } from '../core/lsn.ts'
import type { ReadSpan } from '../core/ports.ts'
import { within } from '../core/within.ts'
import { CacheKeyElsewhere, CacheStale } from './errors.ts'
import type { Entry, MemoryLevel } from './level.ts'

/** How long a difference may wait for the invalidation that explains it. */
const EXPLAIN_MS = 5_000
/** Keys whose invalidations are remembered with their shards. */
const KEYS_MAX = 10_000
/** Of each value, what a message shows around the first difference. */
const SHOWN = 60

interface Asked {
  readonly key: { readonly text: string }
  readonly text: string
  readonly place: { readonly prefix: string }
}

/** Tests: compares hits with what their loader gives now, so that a forgotten `invalidate` fails the test. */
export class Audit {
  readonly #level: MemoryLevel
  readonly #demand: PositionDemand
  readonly #clock: Clock
  readonly #invalidated = new Map<string, Set<string>>()

  constructor(level: MemoryLevel, demand: PositionDemand, clock: Clock) {
    this.#level = level
    this.#demand = demand
    this.#clock = clock
  }

  /** Remembers under which shards a key is invalidated. */
  invalidated(text: string): void {
    const at = text.indexOf(' ') + 1
    const key = text.slice(at)
    const shards = this.#invalidated.get(key)
    if (shards) shards.add(text.slice(0, at))
    else if (this.#invalidated.size < KEYS_MAX) this.#invalidated.set(key, new Set([text.slice(0, at)]))
  }

  /**
   * A commit may come between the two readings; then its invalidation explains the difference, at the latest when
   * the level's position has passed the second reading.
   *
   * @throws CacheStale, CacheKeyElsewhere
   */
  async compare(ask: Asked, entry: Entry, load: (span: ReadSpan) => Promise<unknown>): Promise<void> {
    const span: ReadSpan = {}
    const difference = await differenceOf(entry.value, () => load(span))
    if (difference === undefined || this.#explained(entry)) return
    const passed = await this.#passed(entry, span.upto ?? entry.upto)
    if (!passed || this.#explained(entry)) return
    const { prefix } = ask.place
    const elsewhere = [...(this.#invalidated.get(ask.key.text) ?? [])].find((shard) => shard !== prefix)
    if (elsewhere === undefined) throw new CacheStale(ask.key.text, difference)
    throw new CacheKeyElsewhere(ask.key.text, prefix.trim(), elsewhere.trim(), difference)
  }

  #explained({ state, text, from }: Entry): boolean {
    return (
      this.#level.state(state.cluster) !== state || state.holds.has(text) || state.floors.of(text) >= from
    )
  }

  /** @returns false when the level does not learn its position: then nothing can be said */
  async #passed({ state }: Entry, lsn: Lsn): Promise<boolean> {
    this.#demand.demand(state.cluster, lsn)
    const late = new Error('The position did not come')
    try {
      await within(this.#clock, this.#level.passed(state, lsn), EXPLAIN_MS, () => late)
      return true
    } catch {
      return false
    }
  }
}

/** @returns nothing when there is none, or when the database cannot tell */
async function differenceOf(cached: unknown, load: () => Promise<unknown>): Promise<string | undefined> {
  try {
    const loaded = await load()
    const [one, other] = [textOf(cached), textOf(loaded)]
    return one === other ? undefined : shown(one, other)
  } catch (error) {
    return isTenfoldError(error) ? undefined : `its loader fails now: ${(error as Error).message}`
  }
}

/** Loaders need not give properties in one order. */
function textOf(value: unknown): string {
  if (value === undefined) return 'undefined'
  return JSON.stringify(value, (_name, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  )
}

function shown(cached: string, loaded: string): string {
  let same = 0
  while (same < cached.length && cached[same] === loaded[same]) same++
  const from = Math.max(0, same - SHOWN / 2)
  const part = (text: string): string => `${from > 0 ? '…' : ''}${text.slice(from, from + SHOWN)}`
  return `cached ${part(cached)}, loaded ${part(loaded)}`
}
