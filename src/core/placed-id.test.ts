import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { BUCKETS, type Placement } from './keys.ts'
import { placedId, placeInId, timeInId } from './placed-id.ts'

const digits = (length: number) =>
  fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: length, maxLength: length })
const places: fc.Arbitrary<Placement | 'home'> = fc.oneof(
  fc.constant('home' as const),
  fc.record({ bucket: fc.nat(BUCKETS - 1), tag: fc.nat(2 ** 20 - 1) }, { noNullPrototype: true }),
)

test('an id gives back its time and its place, and keeps 42 bits apart', () => {
  const ids = new Map<string, string>()
  fc.assert(
    fc.property(digits(12), places, digits(12), (time, place, unique) => {
      const id = placedId(time, place, unique)
      assert.deepEqual(placeInId(id), place)
      assert.equal(timeInId(id), time)
      const bits = (BigInt(`0x${unique}`) & (2n ** 42n - 1n)).toString()
      const made = JSON.stringify([time, place, bits])
      assert.equal(ids.get(id) ?? made, made)
      ids.set(id, made)
    }),
  )
})

test('what is no such id has no place', () => {
  for (const id of ['', 'x', '018f4f6e-0000-4abc-8def-0123456789ab', '018F4F6E-0000-7ABC-8DEF-0123456789AB'])
    assert.equal(placeInId(id), undefined)
})
