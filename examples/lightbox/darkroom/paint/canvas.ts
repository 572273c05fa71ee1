/** Repeatable chance in [0, 1). */
export type Chance = () => number

/** What a scene is painted on. */
export interface Canvas {
  readonly width: number
  readonly height: number
  readonly next: Chance
}

/** Everything inside of the `<svg>`. Coordinates are pixels. */
export type Scene = (canvas: Canvas) => string

export const between = (next: Chance, from: number, to: number): number => from + next() * (to - from)
export const pick = <T>(next: Chance, from: readonly T[]): T => from[Math.floor(next() * from.length)] as T
export const times = <T>(count: number, make: (at: number) => T): T[] =>
  Array.from({ length: Math.max(0, Math.round(count)) }, (_, at) => make(at))

/** Numbers in a path: a tenth of a pixel is enough. */
export const n = (value: number): string => String(Math.round(value * 10) / 10)

type Rgb = readonly [number, number, number]

const rgb = (hex: string): Rgb => {
  const value = Number.parseInt(hex.slice(1), 16)
  return [value >> 16, (value >> 8) & 255, value & 255]
}

/** A colour between two, `at` in [0, 1]. */
export function mix(from: string, to: string, at: number): string {
  const [a, b] = [rgb(from), rgb(to)]
  const mixed = a.map((channel, index) => Math.round(channel + ((b[index] ?? 0) - channel) * at))
  return `#${mixed.map((channel) => channel.toString(16).padStart(2, '0')).join('')}`
}

/** A gradient from top to bottom, or along any line in fractions of what it fills. */
export function gradient(
  id: string,
  colours: readonly string[],
  line = 'x1="0" y1="0" x2="0" y2="1"',
): string {
  const stops = colours.map(
    (colour, at) => `<stop offset="${n((at / (colours.length - 1)) * 100)}%" stop-color="${colour}"/>`,
  )
  return `<linearGradient id="${id}" ${line}>${stops.join('')}</linearGradient>`
}

/** Light that fades out around a place. */
export function glow(id: string, colour: string, core = 0): string {
  return `<radialGradient id="${id}"><stop offset="${core * 100}%" stop-color="${colour}"/><stop offset="100%" stop-color="${colour}" stop-opacity="0"/></radialGradient>`
}

export const soft = (id: string, deviation: number): string =>
  `<filter id="${id}" x="-20%" y="-20%" width="140%" height="140%"><feGaussianBlur stdDeviation="${n(deviation)}"/></filter>`

export const backdrop = ({ width, height }: Canvas, fill: string): string =>
  `<rect width="${width}" height="${height}" fill="${fill}"/>`

/** A skyline of hills: midpoint displacement, then down to the bottom. */
export function ridge({ width, height, next }: Canvas, y: number, rise: number, roughness = 0.5): string {
  let points = [y + (next() - 0.5) * rise, y + (next() - 0.5) * rise]
  for (let spread = rise; points.length < 129; spread *= roughness) {
    points = points.flatMap((point, at) => {
      const following = points[at + 1]
      return following === undefined ? [point] : [point, (point + following) / 2 + (next() - 0.5) * spread]
    })
  }
  const step = width / (points.length - 1)
  return `M0 ${height}${points.map((point, at) => `L${n(at * step)} ${n(point)}`).join('')}L${width} ${height}Z`
}
