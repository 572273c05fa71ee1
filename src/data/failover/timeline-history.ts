import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Lsn, parseLsn } from '../../core/lsn.ts'

const FILE = /^[0-9A-F]{8}\.history$/

/**
 * Where a server left a timeline for the next one, by the last history in its log folder: from there on its log is another.
 * Undefined when it never did. See "Timeline history files" in PostgreSQL's documentation, and `timeline.c`.
 */
export function leftTimeline(dataDir: string, timeline: number): Lsn | undefined {
  const history = lastHistory(dataDir)
  return history === undefined ? undefined : leavingPoint(history, timeline)
}

function lastHistory(dataDir: string): string | undefined {
  const folder = join(dataDir, 'pg_wal')
  const last = readdirSync(folder)
    .filter((name) => FILE.test(name))
    .toSorted()
    .at(-1)
  return last === undefined ? undefined : readFileSync(join(folder, last), 'utf8')
}

const leaving = (line: string): RegExpExecArray | null => /^\s*(\d+)\s+([0-9A-F]+\/[0-9A-F]+)/.exec(line)

/** The timeline that a server left last, and where. Undefined when it never left one. */
export function lastLeft(dataDir: string): { readonly timeline: number; readonly lsn: string } | undefined {
  return lastLeaving(lastHistory(dataDir) ?? '')
}

export function lastLeaving(
  history: string,
): { readonly timeline: number; readonly lsn: string } | undefined {
  const [, timeline, lsn] =
    history
      .split('\n')
      .map(leaving)
      .findLast((found) => found !== null) ?? []
  return timeline === undefined || lsn === undefined ? undefined : { timeline: Number(timeline), lsn }
}

/** @param history a line for each timeline that was left: its number, the place, and why, separated by tabs */
export function leavingPoint(history: string, timeline: number): Lsn | undefined {
  for (const line of history.split('\n')) {
    const [, number, place] = leaving(line) ?? []
    if (Number(number) === timeline) return parseLsn(place!)
  }
  return undefined
}
