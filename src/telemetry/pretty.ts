import { inspect } from 'node:util'

const COLOURS: Record<string, number> = { debug: 90, info: 36, warn: 33, error: 31 }
const CONTROL = /(?![\n\t])\p{Cc}/gu

const colour = (code: number, text: string): string => `\u001b[${code}m${text}\u001b[0m`
/** A terminal obeys escape sequences, and log fields may come from strangers. */
const harmless = (text: string): string => text.replaceAll(CONTROL, '·')

function field([name, value]: [string, unknown]): string {
  const text = typeof value === 'string' ? value : inspect(value, { breakLength: Infinity, depth: 4 })
  return `${colour(90, `${harmless(name)}=`)}${harmless(text)}`
}

/** One JSON log line for a person at a terminal: time, level, message, fields; a stack on lines of its own. */
export function pretty(line: string): string {
  let parsed: Record<string, unknown>
  try {
    parsed = JSON.parse(line) as Record<string, unknown>
  } catch {
    return line
  }
  const { level, time, msg, error, ...fields } = parsed
  const clock = typeof time === 'number' ? new Date(time).toISOString().slice(11, 23) : ''
  const name = typeof level === 'string' ? level : 'info'
  const shown = error as { stack?: string; message?: string } | undefined
  const stack = shown
    ? `\n  ${harmless(shown.stack ?? shown.message ?? inspect(shown)).replaceAll('\n', '\n  ')}`
    : ''
  const parts = [colour(90, clock), colour(COLOURS[name] ?? 36, name.padEnd(5)), harmless(String(msg ?? ''))]
  return `${[...parts, ...Object.entries(fields).map(field)].join(' ')}${stack}\n`
}
