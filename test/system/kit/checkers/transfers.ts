import { type Operation, ofType, type Violation } from '../history.ts'

const CHECKER = 'transfers'

type Balances = Readonly<Record<string, number>>

/**
 * Money is neither made nor lost: every snapshot of all accounts has the same sum and no negative balance, and the
 * final balances are the initial ones plus exactly the acknowledged transfers.
 */
export function checkTransfers(
  history: readonly Operation[],
  initial: Balances,
  final: Balances,
): Violation[] {
  const total = sum(initial)
  const snapshots = ofType(history, 'balances')
    .filter(({ outcome }) => outcome === 'ok')
    .map(({ id, result }) => ({ where: 'a snapshot', balances: result?.balances ?? {}, operations: [id] }))
  const all = [...snapshots, { where: 'the end', balances: final, operations: [] }]
  return [
    ...all.flatMap(({ where, balances, operations }) => {
      const found: Violation[] = []
      if (sum(balances) !== total) {
        const message = `${where} shows ${sum(balances)} in all accounts together instead of ${total}`
        found.push({ checker: CHECKER, message, operations })
      }
      for (const [account, balance] of Object.entries(balances)) {
        if (balance >= 0) continue
        const message = `${where} shows ${balance} in account ${account}`
        found.push({ checker: CHECKER, message, operations })
      }
      return found
    }),
    ...checkFinal(history, initial, final),
  ]
}

const sum = (balances: Balances): number => Object.values(balances).reduce((total, one) => total + one, 0)

/** Exact while nothing is unknown; an unknown transfer leaves its two accounts open. */
function checkFinal(history: readonly Operation[], initial: Balances, final: Balances): Violation[] {
  const transfers = ofType(history, 'transfer')
  const open = new Set<string>()
  const expected: Record<string, number> = { ...initial }
  for (const { call, outcome, result } of transfers) {
    if (outcome === 'unknown') for (const account of [call.from, call.to]) open.add(account)
    if (outcome !== 'ok' || !result?.moved) continue
    expected[call.from] = (expected[call.from] ?? 0) - call.amount
    expected[call.to] = (expected[call.to] ?? 0) + call.amount
  }
  return Object.keys(expected)
    .filter((account) => !open.has(account) && expected[account] !== (final[account] ?? 0))
    .map((account) => ({
      checker: CHECKER,
      message: `account ${account} ends at ${final[account]}; the acknowledged transfers make ${expected[account]}`,
      operations: [],
    }))
}
