/** Levenshtein's distance: single letters to insert, drop or replace. */
export function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++)
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)))
    row = next
  }
  return row[b.length]!
}

/** The name that was probably meant: the same file elsewhere, or a few letters off. */
export function nearest(wanted: string, names: Iterable<string>): string | undefined {
  let best: { name: string; score: number } | undefined
  const base = wanted.slice(wanted.lastIndexOf('/') + 1)
  for (const name of names) {
    const sameBase = name.slice(name.lastIndexOf('/') + 1) === base
    const score = sameBase ? 1 : distance(wanted.toLowerCase(), name.toLowerCase())
    if (score <= Math.max(2, wanted.length / 3) && (best === undefined || score < best.score))
      best = { name, score }
  }
  return best?.name
}
