import { setTimeout as sleep } from 'node:timers/promises'
import type { Contender } from './contender.ts'
import { Load, type Met } from './load.ts'

export interface Sample extends Met {
  /** Writes that were acknowledged and are not there. */
  readonly lost: number
  /** Writes that are there more than once. */
  readonly doubled: number
  /** Milliseconds from the kill until every copy follows again. */
  readonly redundantMs: number
}

/** Milliseconds of load before the kill and after all is well again. */
const CALM_MS = 3_000

/** Kills the primary under load, waits until all is as before, and looks at what is there. */
export async function round(contender: Contender, at: number, calmMs = CALM_MS): Promise<Sample> {
  const prefix = `r${at}.${process.pid}-`
  const load = new Load(contender, prefix)
  let redundantMs = 0
  let met: Met
  try {
    await sleep(calmMs)
    load.count()
    const killedAt = performance.now()
    await contender.killPrimary()
    await contender.redundant()
    redundantMs = performance.now() - killedAt
    await sleep(calmMs)
  } finally {
    met = await load.stop()
  }
  return { ...met, ...audit(load.acknowledged, await contender.written(prefix)), redundantMs }
}

/** Compares what was acknowledged with what is there. */
export function audit(
  acknowledged: readonly string[],
  written: readonly string[],
): { lost: number; doubled: number } {
  const there = new Set(written)
  return {
    lost: acknowledged.filter((id) => !there.has(id)).length,
    doubled: written.length - there.size,
  }
}
