import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Lsn, parseLsn, timelineOfWalFile } from '../../core/lsn.ts'

const FILE = /^[0-9A-F]{8}\.history$/
const SEGMENT = /^[0-9A-F]{24}$/

/**
 * Where a server left a timeline for the next one, by the last history in its log folder: from there on its log is another.
 * Undefined when it never did. See "Timeline history files" in PostgreSQL's documentation, and `timeline.c`.
 */
export function leftTimeline(dataDir: string, timeline: number): Lsn | undefined {
  const folder = join(dataDir, 'pg_wal')
  const last = readdirSync(folder)
    .filter((name) => FILE.test(name))
    .toSorted()
    .at(-1)
  return last === undefined ? undefined : leavingPoint(readFileSync(join(folder, last), 'utf8'), timeline)
}

/** The timeline that the log of a server belongs to, by its files: those of a timeline are named after it. 1 where there are none. */
export function newestTimeline(dataDir: string): number {
  const timelines = readdirSync(join(dataDir, 'pg_wal'))
    .filter((name) => SEGMENT.test(name))
    .map(timelineOfWalFile)
  return Math.max(1, ...timelines)
}

/** @param history a line for each timeline that was left: its number, the place, and why, separated by tabs */
export function leavingPoint(history: string, timeline: number): Lsn | undefined {
  for (const line of history.split('\n')) {
    const [, number, place] = /^\s*(\d+)\s+([0-9A-F]+\/[0-9A-F]+)/.exec(line) ?? []
    if (Number(number) === timeline) return parseLsn(place!)
  }
  return undefined
}
