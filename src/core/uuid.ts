import type { Clock } from './clock.ts'
import type { RandomSource } from './random.ts'

const CANONICAL = /^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
const COUNTER_MAX = 0xfff
const VARIANT = '89ab'

/** Whether `text` is a UUID (RFC 9562) in its canonical form: lower case, with dashes, version 1 to 8. */
export function isUuid(text: string): boolean {
  return text.length === 36 && CANONICAL.test(text)
}

/**
 * Returns a source of UUIDv7 (RFC 9562, 6.2 method 1): each sorts after the one before, also within a
 * millisecond and when the clock jumps back.
 */
export function uuidv7(clock: Clock, random: RandomSource): () => string {
  let last = -1
  let counter = 0
  let prefix = ''
  return () => {
    const now = clock.now()
    const bytes = random.bytes(10)
    if (now > last || counter === COUNTER_MAX) {
      last = now > last ? now : last + 1
      // The upper half stays free, so that a millisecond has room for at least 2048 ids.
      counter = bytes.readUInt16BE(8) >> 5
      const time = last.toString(16).padStart(12, '0')
      prefix = `${time.slice(0, 8)}-${time.slice(8)}-7`
    } else counter++
    const hex = bytes.toString('hex', 0, 8)
    const sequence = counter.toString(16).padStart(3, '0')
    return `${prefix}${sequence}-${VARIANT[bytes[8]! & 3]}${hex.slice(1, 4)}-${hex.slice(4)}`
  }
}
