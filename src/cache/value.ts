import { CacheValueInvalid } from './errors.ts'

/** A value in the form in which it is kept and given out. */
export interface KeptValue {
  /** What its JSON form gives back, frozen all through: callers share it. `undefined` stays `undefined`. */
  readonly value: unknown
  /** An estimate of the memory that it holds. */
  readonly bytes: number
}

/** V8 on 64 bits: header of an object, of a string, one field or element. */
const OBJECT_BYTES = 40
const STRING_BYTES = 24
const FIELD_BYTES = 8

/**
 * What `JSON.parse(JSON.stringify(value))` gives, frozen, so that a hit cannot differ in type from a miss.
 *
 * @param what names the value in the error
 * @throws CacheValueInvalid when JSON cannot hold it
 */
export function keptValue(value: unknown, what: string): KeptValue {
  if (value === undefined) return { value, bytes: 0 }
  let text: string | undefined
  try {
    text = JSON.stringify(value)
  } catch (error) {
    throw new CacheValueInvalid(what, (error as Error).message, error)
  }
  if (text === undefined) throw new CacheValueInvalid(what, `JSON has no ${typeof value}`)
  const copy: unknown = JSON.parse(text)
  return { value: copy, bytes: freeze(copy) }
}

/** Freezes `root` and all below it, without recursion. @returns the estimated bytes */
function freeze(root: unknown): number {
  let bytes = sizeOfLeaf(root)
  if (typeof root !== 'object' || root === null) return bytes
  const open: object[] = [root]
  for (let next = open.pop(); next; next = open.pop()) {
    const children: readonly unknown[] = Array.isArray(next) ? next : Object.values(next)
    bytes += OBJECT_BYTES + children.length * FIELD_BYTES
    for (const child of children) {
      if (typeof child === 'object' && child !== null) open.push(child)
      else bytes += sizeOfLeaf(child)
    }
    Object.freeze(next)
  }
  return bytes
}

function sizeOfLeaf(leaf: unknown): number {
  if (typeof leaf === 'string') return textBytes(leaf)
  return typeof leaf === 'number' ? FIELD_BYTES : 0
}

/** Memory of a string: V8 keeps a text of Latin-1 characters in one byte each; two are counted, to be sure. */
export function textBytes(text: string): number {
  return STRING_BYTES + 2 * text.length
}
