import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Clock } from './clock.ts'
import { systemClock } from './clock.ts'
import { seededRandom, systemRandom } from './random.ts'
import { isUuid, uuidv7 } from './uuid.ts'

const at = (now: () => number): Clock => ({ ...systemClock, now })

test('ids are canonical, carry the time and differ', () => {
  const next = uuidv7(
    at(() => 0x0123456789ab),
    systemRandom(),
  )
  const ids = Array.from({ length: 20_000 }, next)
  assert.equal(new Set(ids).size, ids.length)
  assert.ok(ids.every(isUuid))
  assert.ok(ids[0]!.startsWith('01234567-89ab-7'))
})

test('ids only rise, whatever the clock does', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(5), { minLength: 1, maxLength: 300 }), fc.integer(), (times, seed) => {
      let now = 0
      const next = uuidv7(
        at(() => 1_700_000_000_000 + now),
        seededRandom(seed),
      )
      const ids = times.map((time) => {
        now = time
        return next()
      })
      assert.deepEqual(ids, ids.toSorted())
      assert.ok(ids.every(isUuid))
    }),
  )
})

test('other text is not an id', () => {
  const good = '018f4f6e-0000-7abc-8def-0123456789ab'
  assert.ok(isUuid(good))
  for (const bad of [
    '',
    good.toUpperCase(),
    `${good} `,
    good.replace('-', ''),
    good.replace('7', '0'),
    `${good}\n`,
  ])
    assert.ok(!isUuid(bad), bad)
})
