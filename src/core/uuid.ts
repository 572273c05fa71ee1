import type { Clock } from './clock.ts'
import type { RandomSource } from './random.ts'

const CANONICAL = /^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
const COUNTER_MAX = 0xfff
/** Each of the sixteen digits to one of the four variants, evenly. */
const VARIANTS = Object.fromEntries([...'0123456789abcdef'].map((digit, i) => [digit, '89ab'[i & 3]!]))

/** Whether `text` is a UUID (RFC 9562) in its canonical form: lower case, with dashes, version 1 to 8. */
export function isUuid(text: string): boolean {
  return text.length === 36 && CANONICAL.test(text)
}

/** Ids whose randomness is drawn, and turned into text, at once: an id a time costs four times as much. */
const BLOCK_IDS = 64
/** Hexadecimal digits that one id takes from the block: 16 for `rand_b`, 3 for the counter's start. */
const DIGITS = 20

/**
 * Returns a source of UUIDv7 (RFC 9562, 6.2 method 1): each sorts after the one before, also within a
 * millisecond and when the clock jumps back.
 */
export function uuidv7(clock: Clock, random: RandomSource): () => string {
  let last = -1
  let counter = 0
  let prefix = ''
  let block = ''
  let at = 0
  return () => {
    const now = clock.now()
    if (at === block.length) {
      block = random.bytes((BLOCK_IDS * DIGITS) / 2).toString('hex')
      at = 0
    }
    if (now > last || counter === COUNTER_MAX) {
      last = now > last ? now : last + 1
      // The upper half stays free, so that a millisecond has room for at least 2048 ids.
      counter = Number.parseInt(block.slice(at + 16, at + 19), 16) >> 1
      const time = last.toString(16).padStart(12, '0')
      prefix = `${time.slice(0, 8)}-${time.slice(8)}-`
    } else counter++
    const variant = VARIANTS[block[at]!]!
    const id = `${prefix}${(0x7000 + counter).toString(16)}-${variant}${block.slice(at + 1, at + 4)}-${block.slice(at + 4, at + 16)}`
    at += DIGITS
    return id
  }
}
