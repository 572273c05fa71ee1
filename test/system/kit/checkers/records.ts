import type { Outcome, Violation } from '../history.ts'

/** A record that a client asked to be made, under a name of the client's own choice (the text of a post). */
export interface Wanted {
  readonly name: string
  readonly outcome: Outcome
}

/**
 * Records that are made once and stay, in any app: each acknowledged one exists exactly once, an unknown one at
 * most once, a refused one not at all, and nothing else.
 */
export function checkRecords(
  what: string,
  wanted: readonly Wanted[],
  existing: readonly string[],
): Violation[] {
  const counts = new Map<string, number>()
  for (const name of existing) counts.set(name, (counts.get(name) ?? 0) + 1)
  const found: Violation[] = []
  const report = (message: string): void => {
    found.push({ checker: 'records', message: `${what} ${message}`, operations: [] })
  }
  for (const { name, outcome } of wanted) {
    const count = counts.get(name) ?? 0
    counts.delete(name)
    if (outcome === 'ok' && count === 0) report(`${name} was acknowledged and is lost`)
    if (outcome === 'fail' && count > 0) report(`${name} was refused and exists`)
    if (count > 1) report(`${name} exists ${count} times`)
  }
  for (const [name] of counts) report(`${name} was never asked for`)
  return found
}
