import type { Call, Operation, Results, Violation } from '../history.ts'
import { groupBy, ofType } from '../history.ts'
import { type Interval, linearize, type Model } from './linearizable.ts'

type RegisterType = 'read' | 'look' | 'write' | 'cas'
type RegisterCall = Extract<Call, { type: RegisterType }>

const isRead = (call: RegisterCall): call is Extract<RegisterCall, { type: 'read' | 'look' }> =>
  call.type === 'read' || call.type === 'look'

/** One register: reads give the last value written, and a compare-and-set swaps exactly when it says so. */
export const register: Model<RegisterCall, Results[RegisterType]> = {
  initial: 'null',
  step: (state, call, result) => {
    if (call.type === 'write') return String(call.value)
    if (isRead(call)) {
      return result === undefined || String((result as Results['read']).value) === state ? state : undefined
    }
    const fits = String(call.from) === state
    if (result !== undefined && (result as Results['cas']).swapped !== fits) return undefined
    return fits ? String(call.to) : state
  },
}

/**
 * Every register must look as if each operation had happened at one moment between its call and its answer.
 * `finals` are read when all is quiet: they act as reads after everything else.
 */
export function checkRegisters(
  history: readonly Operation[],
  finals: Readonly<Record<string, number | null>> = {},
): Violation[] {
  const operations = ofType(history, 'read', 'look', 'write', 'cas').filter(
    ({ outcome }) => outcome !== 'fail',
  )
  const byKey = groupBy(operations, ({ call }) => call.key)
  return [...byKey].flatMap(([key, group]) => {
    const intervals: Interval<RegisterCall, Results[RegisterType]>[] = group
      .filter(({ outcome, call }) => outcome === 'ok' || !isRead(call))
      .map(({ id, call, result, invoked, returned }) => ({ id, call, result, invoked, returned }))
    if (key in finals) intervals.push(finalRead(key, finals[key] ?? null))
    const search = linearize(intervals, register)
    if (search.linearizable) return []
    const message =
      `register ${key}: no order of its operations explains the answers; after ${search.covered} of them ` +
      `the value is ${search.state}, and none of the next ones fits`
    return [{ checker: 'registers', message, operations: search.stuck }]
  })
}

function finalRead(key: string, value: number | null): Interval<RegisterCall, Results[RegisterType]> {
  const end = Number.MAX_SAFE_INTEGER
  return { id: -1, call: { type: 'read', key }, result: { value }, invoked: end - 1, returned: end }
}
