import { type KeyInput, type KeyType, type Placement, placementOf } from '../../core/keys.ts'
import { BadKey } from '../errors.ts'
import { hashBigint, hashText, hashUuid } from './hash.ts'

const INT8_MIN = -(2n ** 63n)
const INT8_MAX = 2n ** 63n - 1n
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i
const INTEGER = /^-?(0|[1-9][0-9]{0,18})$/

/** A checked shard key: its canonical text and where it lies. */
export interface ShardKey extends Placement {
  readonly text: string
}

/** Checks a key against the declared type and places it. @throws BadKey */
export function shardKey(type: KeyType, input: KeyInput): ShardKey {
  switch (type) {
    case 'bigint': {
      const key = toBigint(input)
      return { text: key.toString(), ...placementOf(hashBigint(key)) }
    }
    case 'uuid': {
      if (typeof input !== 'string' || !UUID.test(input)) throw new BadKey(input, type)
      return { text: input.toLowerCase(), ...placementOf(hashUuid(input)) }
    }
    case 'text': {
      // PostgreSQL's text holds no NUL, and a lone surrogate would become another character on the way.
      if (typeof input !== 'string' || input.includes('\0') || !input.isWellFormed())
        throw new BadKey(input, type)
      return { text: input, ...placementOf(hashText(input)) }
    }
  }
}

function toBigint(input: KeyInput): bigint {
  if (
    typeof input === 'string'
      ? !INTEGER.test(input)
      : typeof input === 'number' && !Number.isSafeInteger(input)
  ) {
    throw new BadKey(input, 'bigint')
  }
  const key = BigInt(input)
  if (key < INT8_MIN || key > INT8_MAX) throw new BadKey(input, 'bigint')
  return key
}
