import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Copy, needOf, pick } from './pick.ts'

const base = { timeline: 2, lsn: 100n }

test('what a session needs, whatever its token says', () => {
  assert.deepEqual(needOf(undefined, base), base)
  assert.deepEqual(needOf({ timeline: 2, lsn: 99n }, base), base)
  assert.deepEqual(needOf({ timeline: 2, lsn: 101n }, base), { timeline: 2, lsn: 101n })
  assert.equal(needOf({ timeline: 1, lsn: 500n }, base), 'primary')
  assert.equal(needOf({ timeline: 3, lsn: 1n }, base), 'primary')
  assert.equal(needOf(undefined, undefined), 'primary')
})

const KNOWN = [undefined, { timeline: 2, lsn: 90n }, { timeline: 2, lsn: 120n }, { timeline: 1, lsn: 900n }]

function* copies(): Generator<Copy> {
  for (const known of KNOWN)
    for (const outstanding of [0, 3]) for (const isLate of [false, true]) yield { known, outstanding, isLate }
}

test('of any two replicas the one is picked that has got there and has less to do; never one that is late', () => {
  const all = [...copies()]
  const sure = ({ known }: Copy): boolean => known?.timeline === 2 && known.lsn >= 100n
  for (const one of all)
    for (const other of all)
      for (const turn of [0, 1]) {
        const picked = pick([one, other], base, turn)
        const able = [one, other].filter(({ isLate }) => !isLate)
        if (able.length === 0) assert.equal(picked, undefined)
        else {
          assert.ok(picked && !picked.isLate)
          if (able.some(sure)) {
            assert.ok(sure(picked))
            assert.ok(able.every((copy) => !sure(copy) || copy.outstanding >= picked.outstanding))
          }
        }
      }
})

test('of equals each has its turn', () => {
  const equals: Copy[] = Array.from({ length: 3 }, () => ({ known: base, outstanding: 1, isLate: false }))
  const picked = new Set([0, 1, 2].map((turn) => equals.indexOf(pick(equals, base, turn)!)))
  assert.equal(picked.size, 3)
})
