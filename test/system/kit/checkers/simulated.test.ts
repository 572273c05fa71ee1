import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { ACCOUNTS } from '../operations.ts'
import { Dice } from '../seed.ts'
import { checkAll } from './all.ts'
import { simulate, type Wrong } from './simulated.ts'

const size = { sessions: fc.integer({ min: 1, max: 8 }), steps: fc.integer({ min: 10, max: 600 }) }
const runs = fc.record({ seed: fc.integer({ min: 0, max: 2 ** 31 }), ...size })

describe('the checkers over simulated runs', () => {
  test('a perfect system is never accused', () => {
    fc.assert(
      fc.property(runs, ({ seed, sessions, steps }) => {
        const { history, finals } = simulate(new Dice(seed), { sessions, steps })
        assert.deepEqual(checkAll(history, { balances: ACCOUNTS }, finals), [])
      }),
      { numRuns: 300 },
    )
  })

  for (const wrong of ['lost', 'doubled', 'stale'] satisfies Wrong[]) {
    test(`one ${wrong} operation among hundreds is always found`, () => {
      let found = 0
      fc.assert(
        fc.property(runs, ({ seed, sessions, steps }) => {
          const { history, finals, planted } = simulate(new Dice(seed), { sessions, steps, wrong })
          const violations = checkAll(history, { balances: ACCOUNTS }, finals)
          assert.equal(violations.length > 0, planted)
          if (planted) found += 1
        }),
        { numRuns: 300 },
      )
      assert.ok(found > 100, `only ${found} of 300 runs had an occasion`)
    })
  }
})
