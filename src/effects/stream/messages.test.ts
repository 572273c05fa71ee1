import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Down, decodeDown, decodeUp, encodeDown, encodeUp, Malformed, type Up } from './messages.ts'

const DOWN: readonly Down[] = [
  { kind: 'challenge', nonce: 'abc' },
  { kind: 'welcome', proof: '' },
  { kind: 'begin', cluster: 'c0', term: { timeline: 3, xid: 2n ** 60n } },
  {
    kind: 'effects',
    cluster: 'c0',
    batch: 7,
    last: false,
    rows: [
      { marker: 'm', floor: 0x1_0000_0000n, effects: { invalidate: ['a"\n\u{1f600}', ''] } },
      { marker: 'n', floor: 5n, effects: { invalidate: [], purge: [{ tag: 't' }, { url: 'u' }] } },
    ],
  },
  { kind: 'position', cluster: 'c0', lsn: 0xffff_ffff_ffff_ffffn, timeline: 1, tick: 1234.567891 },
  { kind: 'end', cluster: 'c0' },
  { kind: 'alive' },
]
const UP: readonly Up[] = [
  { kind: 'hello', version: 1, name: 'web-1', nonce: 'n', proof: 'p', clusters: ['c0', 'c1'] },
  { kind: 'tick', tick: 0.1 + 0.2 },
  { kind: 'demand', cluster: 'c0', lsn: 0n },
  { kind: 'nudge', cluster: 'c0', given: true },
  { kind: 'applied', cluster: 'c0', batch: 0 },
]

test('every message comes out as it went in', () => {
  for (const message of DOWN) assert.deepEqual(decodeDown(encodeDown(message)), message)
  for (const message of UP) assert.deepEqual(decodeUp(encodeUp(message)), message)
})

test('a message whose parts are exchanged for anything else is refused, or is another message', () => {
  const texts = [...DOWN.map(encodeDown), ...UP.map(encodeUp)]
  const arbitrary = fc.tuple(fc.constantFrom(...texts), fc.nat(6), fc.jsonValue())
  let refused = 0
  fc.assert(
    fc.property(arbitrary, ([text, at, value]) => {
      const parts = JSON.parse(text) as unknown[]
      parts[at] = value
      for (const decode of [decodeDown, decodeUp])
        try {
          const { kind } = decode(JSON.stringify(parts))
          assert.equal(typeof kind, 'string')
        } catch (error) {
          assert.ok(error instanceof Malformed, String(error))
          refused++
        }
    }),
    { numRuns: 2_000 },
  )
  assert.ok(refused > 1_000)
})

for (const text of [
  '',
  'x',
  '{}',
  'null',
  '[]',
  '["alive"',
  '["tick",1e999]',
  '["tick","1"]',
  '["demand","c0","0"]',
])
  test(`refused: ${text || 'nothing'}`, () => {
    assert.throws(() => decodeUp(text), Malformed)
  })
