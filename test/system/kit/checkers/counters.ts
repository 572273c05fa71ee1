import { groupBy, type Operation, ofType, type Violation } from '../history.ts'

const CHECKER = 'counters'

/** One increment of one counter, taken out of an operation that may touch several. */
interface Step {
  readonly operation: Operation<'increment'>
  readonly key: string
  /** What the counter held after it; unknown when nobody told. */
  readonly total: number | undefined
}

/**
 * A counter ends at the sum of the acknowledged increments, plus any part of the unknown ones; no two increments
 * saw the same total; totals follow real time.
 */
export function checkCounters(
  history: readonly Operation[],
  finals: Readonly<Record<string, number>>,
): Violation[] {
  const increments = ofType(history, 'increment')
  const steps = increments.flatMap((operation): Step[] =>
    operation.call.keys.map((key, i) => ({ operation, key, total: operation.result?.totals[i] })),
  )
  const reads = groupBy(ofType(history, 'count'), ({ call }) => call.key)
  const byKey = groupBy(steps, ({ key }) => key)
  for (const key of Object.keys(finals)) if (!byKey.has(key)) byKey.set(key, [])
  return [...byKey].flatMap(([key, own]) => [
    ...checkSum(key, own, finals[key]),
    ...checkTotals(key, own),
    ...checkRealTime(key, own, reads.get(key) ?? []),
  ])
}

function checkSum(key: string, steps: readonly Step[], final = 0): Violation[] {
  const sum = (outcome: string): number =>
    steps
      .filter(({ operation }) => operation.outcome === outcome)
      .reduce((total, { operation }) => total + operation.call.by, 0)
  const [least, unknown] = [sum('ok'), sum('unknown')]
  if (final >= least && final <= least + unknown) return []
  const what = final < least ? 'increments were lost' : 'increments were applied more than once'
  const message = `counter ${key} ends at ${final}, but ${least} to ${least + unknown} were added: ${what}`
  return [{ checker: CHECKER, message, operations: [] }]
}

function checkTotals(key: string, steps: readonly Step[]): Violation[] {
  const told = steps.filter(({ total }) => total !== undefined)
  return [...groupBy(told, ({ total }) => String(total))]
    .filter(([, same]) => same.length > 1)
    .map(([total, same]) => ({
      checker: CHECKER,
      message: `counter ${key}: ${same.length} increments say that they made it ${total}: one was lost`,
      operations: same.map(({ operation }) => operation.id),
    }))
}

/** Increments are positive: what returned before another was invoked must be smaller, a read at least as large. */
function checkRealTime(
  key: string,
  steps: readonly Step[],
  reads: readonly Operation<'count'>[],
): Violation[] {
  const seen = [
    ...steps.map(({ operation, total }) => ({ operation, total, read: false })),
    ...reads.map((operation) => ({ operation, total: operation.result?.total, read: true })),
  ].filter(({ operation, total }) => operation.outcome === 'ok' && total !== undefined)
  const returns = seen.toSorted((a, b) => a.operation.returned - b.operation.returned)
  const calls = seen.toSorted((a, b) => a.operation.invoked - b.operation.invoked)
  const found: Violation[] = []
  let next = 0
  let highest: (typeof seen)[number] | undefined
  for (const call of calls) {
    for (; next < returns.length && returns[next]!.operation.returned < call.operation.invoked; next++) {
      if (returns[next]!.total! >= (highest?.total ?? Number.NEGATIVE_INFINITY)) highest = returns[next]
    }
    if (!highest) continue
    const stale = call.read ? call.total! < highest.total! : call.total! <= highest.total!
    if (!stale) continue
    const message = `counter ${key} was seen at ${call.total} after it had been seen at ${highest.total}`
    found.push({ checker: CHECKER, message, operations: [highest.operation.id, call.operation.id] })
  }
  return found
}
