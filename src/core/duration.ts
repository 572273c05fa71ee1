/** A span of time: milliseconds, or a number with its unit, e.g. `'30s'`, `'5m'`, `'1.5h'`. */
export type Duration = number | `${number}${'ms' | 's' | 'm' | 'h' | 'd'}`

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** Milliseconds. @throws RangeError when it is negative or not a span of time */
export function milliseconds(duration: Duration): number {
  if (typeof duration === 'number' && duration >= 0 && Number.isFinite(duration)) return duration
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(String(duration))
  if (!match || typeof duration === 'number')
    throw new RangeError(
      `Not a span of time: ${JSON.stringify(duration)}; write 250, '30s', '5m', '1.5h' or '2d'`,
    )
  return Number(match[1]) * (UNITS[match[2] as string] as number)
}
