import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { type Interval, linearize, type Model } from './linearizable.ts'

/** A register with exchange: the answer is the value that was there, so that every order shows. */
const exchange: Model<number, string> = {
  initial: '-',
  step: (state, call, result) => (result === undefined || result === state ? String(call) : undefined),
}

type Exchange = Interval<number, string>

/** Any order is tried: the slow truth to compare with. */
function bruteForce(open: readonly Exchange[], state: string): boolean {
  const certain = open.filter(({ returned }) => returned !== Number.POSITIVE_INFINITY)
  if (certain.length === 0) return true
  const horizon = Math.min(...certain.map(({ returned }) => returned))
  return open
    .filter(({ invoked }) => invoked < horizon)
    .some((next) => {
      const after = exchange.step(state, next.call, next.result)
      return (
        after !== undefined &&
        bruteForce(
          open.filter((one) => one !== next),
          after,
        )
      )
    })
}

/** Operations with distinct times; the answers come from a small set, so that about half are impossible. */
const histories = fc
  .array(
    fc.record({
      start: fc.integer({ min: 0, max: 20 }),
      length: fc.integer({ min: 1, max: 8 }),
      call: fc.integer({ min: 1, max: 3 }),
      result: fc.constantFrom('-', '1', '2', '3'),
      lost: fc.boolean(),
    }),
    { minLength: 1, maxLength: 6 },
  )
  .map((ops) =>
    ops.map(({ start, length, call, result, lost }, id): Exchange => {
      const times = { invoked: start + id / 100, returned: start + length + id / 100 + 0.5 }
      return lost && id % 3 === 0
        ? { id, call, result: undefined, ...times, returned: Number.POSITIVE_INFINITY }
        : { id, call, result, ...times }
    }),
  )

describe('linearize', () => {
  test('agrees with trying every order', () => {
    let [possible, impossible] = [0, 0]
    fc.assert(
      fc.property(histories, (operations) => {
        const truth = bruteForce(operations, exchange.initial)
        if (truth) possible += 1
        else impossible += 1
        assert.equal(linearize(operations, exchange).linearizable, truth)
      }),
      { numRuns: 3000, seed: 7 },
    )
    assert.ok(possible > 100 && impossible > 100, `one-sided: ${possible} possible, ${impossible} impossible`)
  })

  test('is fast on a long history of eight sessions, and still finds one wrong answer in it', () => {
    const operations: Exchange[] = []
    let state = '-'
    for (let i = 0; i < 4000; i++) {
      operations.push({ id: i, call: i % 5, result: state, invoked: i - 7, returned: i + 0.5 })
      state = String(i % 5)
    }
    assert.equal(linearize(operations, exchange).linearizable, true)
    operations[2000] = { ...operations[2000]!, result: 'wrong' }
    const search = linearize(operations, exchange)
    assert.equal(search.linearizable, false)
    assert.ok(search.covered >= 2000 && search.covered < 2010)
    assert.ok(search.stuck.includes(2000))
  })
})
