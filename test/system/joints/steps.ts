import fc from 'fast-check'

export const NODES = 2
export const VISITORS = 4
export const USERS = 3

/** One step of a history. Steps of one visitor follow each other; those of others run beside them. */
export type Step =
  | {
      kind: 'pay'
      visitor: number
      from: number
      to: number
      amount: number
      failures: number
      between: boolean
      abort: boolean
    }
  | { kind: 'again'; visitor: number; which: number }
  | { kind: 'look'; visitor: number; user: number }
  | { kind: 'cut'; node: number; cluster: number; answer: boolean; after: number }
  | { kind: 'crash'; node: number }

const below = (max: number) => fc.nat({ max: max - 1 })
const visitor = below(VISITORS)

const pays: fc.Arbitrary<Step> = fc.record({
  kind: fc.constant('pay' as const),
  visitor,
  from: below(USERS),
  to: below(USERS),
  amount: fc.integer({ min: 1, max: 9 }),
  failures: fc.nat({ max: 2 }),
  between: fc.boolean(),
  abort: below(6).map((n) => n === 0),
})
const again: fc.Arbitrary<Step> = fc.record({
  kind: fc.constant('again' as const),
  visitor,
  which: fc.nat({ max: 50 }),
})
const looks: fc.Arbitrary<Step> = fc.record({
  kind: fc.constant('look' as const),
  visitor,
  user: below(USERS),
})
const cut: fc.Arbitrary<Step> = fc.record({
  kind: fc.constant('cut' as const),
  node: below(NODES),
  cluster: below(2),
  answer: fc.boolean(),
  after: fc.nat({ max: 700 }),
})
const crashes: fc.Arbitrary<Step> = fc.record({ kind: fc.constant('crash' as const), node: below(NODES) })

/** Histories without order among those who act at the same time. */
export const steps = fc.array(
  fc.oneof(
    { weight: 8, arbitrary: pays },
    { weight: 2, arbitrary: again },
    { weight: 8, arbitrary: looks },
    { weight: 3, arbitrary: cut },
    { weight: 1, arbitrary: crashes },
  ),
  { minLength: 30, maxLength: 80 },
)

export const payment = (from: number, to: number, failures = 0): Step => ({
  kind: 'pay',
  visitor: 0,
  from,
  to,
  amount: 1,
  failures,
  between: true,
  abort: false,
})
export const look = (user: number): Step => ({ kind: 'look', visitor: 0, user })
export const crash = (node: number): Step => ({ kind: 'crash', node })
