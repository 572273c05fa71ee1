import { createHash } from 'node:crypto'
import { MigrationInvalid } from './errors.ts'

/** The text of a migration as it is hashed and run: no byte order mark, lines end with LF. */
export function decode(file: string, bytes: Uint8Array): string {
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (error) {
    throw new MigrationInvalid(`${file} is not UTF-8.`, 'Save it as UTF-8.', { cause: error })
  }
  // The protocol ends a text at a NUL: what follows would be lost without a word.
  if (text.includes('\0'))
    throw new MigrationInvalid(`${file} contains a NUL character.`, 'Save it as plain text in UTF-8.')
  return text.replaceAll('\r\n', '\n')
}

/** SHA-256 in hexadecimal digits. */
export const checksumOf = (text: string): string => createHash('sha256').update(text).digest('hex')

/** The offset in UTF-16 units of PostgreSQL's `position`, which counts characters from 1. */
export function offsetOfPosition(text: string, position: number): number {
  let offset = 0
  for (let count = 1; count < position && offset < text.length; count += 1)
    offset += (text.codePointAt(offset) as number) > 0xffff ? 2 : 1
  return offset
}

/** Line and column, in characters from 1, of an offset. */
export function lineAndColumn(text: string, offset: number): { line: number; column: number } {
  const start = offset === 0 ? 0 : text.lastIndexOf('\n', offset - 1) + 1
  let line = 1
  for (let at = text.indexOf('\n'); at >= 0 && at < start; at = text.indexOf('\n', at + 1)) line += 1
  return { line, column: [...text.slice(start, offset)].length + 1 }
}

const EXCERPT_MAX = 120
const BEFORE = 60

/** The line around an offset, cut where it is long, with a mark below the place. */
export function excerptAt(text: string, offset: number): string {
  const start = offset === 0 ? 0 : text.lastIndexOf('\n', offset - 1) + 1
  const end = text.indexOf('\n', offset)
  const line = text.slice(start, end < 0 ? text.length : end)
  const from = Math.max(0, offset - start - BEFORE)
  const shown = line.slice(from, from + EXCERPT_MAX).replaceAll('\t', ' ')
  const { line: number } = lineAndColumn(text, offset)
  const margin = `  ${number} | `
  return `${margin}${shown}\n${' '.repeat(margin.length + [...line.slice(from, offset - start)].length)}^`
}
