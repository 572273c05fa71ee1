/** One statement of an SQL file. */
export interface Statement {
  /** From its first word up to its semicolon, which is left out. */
  readonly text: string
  /** Where it begins in the file, in UTF-16 units. */
  readonly offset: number
  /** Its first words outside quotes and parentheses, in lower case; at most {@link WORDS}. */
  readonly words: readonly string[]
}

const WORDS = 4
const SPACE = /\s+/y
const WORD = /[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*/y
const NUMBER = /\d[\w.]*/y
const DOLLAR = /\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$/y

/**
 * Splits SQL into statements the way psql does: a semicolon ends one unless it is in quotes, a comment,
 * parentheses (CREATE RULE) or the body of a function in standard SQL (BEGIN ATOMIC … END).
 *
 * What is left open at the end is one last statement: PostgreSQL says best what is wrong with it.
 */
export function* statementsOf(text: string): Generator<Statement> {
  let start = -1
  let words: string[] = []
  let parentheses = 0
  let bodies = 0
  const statement = (end: number): Statement => ({
    text: text.slice(start, end).trimEnd(),
    offset: start,
    words,
  })
  for (let at = 0; at < text.length; ) {
    const end = skipBlank(text, at)
    if (end > at) {
      at = end
      continue
    }
    const char = text[at] as string
    if (char === ';' && parentheses === 0 && bodies === 0) {
      if (start >= 0) yield statement(at)
      start = -1
      words = []
      at += 1
      continue
    }
    if (start < 0) start = at
    const word = match(WORD, text, at)
    if (word !== undefined) {
      const lower = word.toLowerCase()
      if (parentheses === 0) {
        if (definesRoutine(words)) bodies = Math.max(0, bodies + bodyStep(lower, bodies))
        if (words.length < WORDS) words.push(lower)
      }
      at += word.length
      if (lower === 'e' && text[at] === "'") at = endOfEscaped(text, at)
      continue
    }
    if (char === '(') parentheses += 1
    else if (char === ')') parentheses = Math.max(0, parentheses - 1)
    at = endOfToken(text, at, char)
  }
  if (start >= 0) yield statement(text.length)
}

function match(pattern: RegExp, text: string, at: number): string | undefined {
  pattern.lastIndex = at
  return pattern.exec(text)?.[0]
}

/** Past white space and comments; `at` itself when there are none. */
function skipBlank(text: string, at: number): number {
  if (text.startsWith('--', at)) {
    const end = text.indexOf('\n', at)
    return end < 0 ? text.length : end
  }
  if (text.startsWith('/*', at)) return endOfComment(text, at)
  return at + (match(SPACE, text, at)?.length ?? 0)
}

/** Comments nest in PostgreSQL. */
function endOfComment(text: string, from: number): number {
  let depth = 0
  for (let at = from; at < text.length; at += 1) {
    if (text.startsWith('/*', at)) depth += 1
    else if (text.startsWith('*/', at)) depth -= 1
    else continue
    at += 1
    if (depth === 0) return at + 1
  }
  return text.length
}

function endOfToken(text: string, at: number, char: string): number {
  if (char === "'" || char === '"') return endOfQuoted(text, at, char)
  if (char === '$') {
    const tag = match(DOLLAR, text, at)
    if (tag === undefined) return at + 1
    const end = text.indexOf(tag, at + tag.length)
    return end < 0 ? text.length : end + tag.length
  }
  return at + (match(NUMBER, text, at)?.length ?? 1)
}

/** A doubled quote stands for itself. Without regular expressions, whose stack a long literal would exceed. */
function endOfQuoted(text: string, from: number, quote: string): number {
  for (let at = from + 1; ; at += 2) {
    at = text.indexOf(quote, at)
    if (at < 0) return text.length
    if (text[at + 1] !== quote) return at + 1
  }
}

/** `E'…'`, where a backslash takes the next character with it. */
function endOfEscaped(text: string, from: number): number {
  for (let at = from + 1; at < text.length; at += 1) {
    if (text[at] === '\\') at += 1
    else if (text[at] === "'") {
      if (text[at + 1] !== "'") return at + 1
      at += 1
    }
  }
  return text.length
}

const definesRoutine = (words: readonly string[]): boolean =>
  /^create (or replace )?(function|procedure)\b/.test(words.join(' '))

/** CASE ends with END too, which counts only inside a body. */
function bodyStep(word: string, bodies: number): number {
  if (word === 'begin') return 1
  if (word === 'case') return bodies > 0 ? 1 : 0
  return word === 'end' ? -1 : 0
}

/** Whether a statement begins or ends a transaction. */
export function controlsTransaction({ words }: Statement): boolean {
  const [first = '', second = '', third = ''] = words
  if (['begin', 'start', 'commit', 'end', 'abort'].includes(first)) return true
  if (first === 'prepare') return second === 'transaction'
  return first === 'rollback' && second !== 'to' && third !== 'to'
}
