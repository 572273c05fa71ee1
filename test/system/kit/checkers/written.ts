import type { Call, Operation, Results } from '../history.ts'

/** When an operation of a history written by hand was invoked and when it returned; both are unique. */
type Times = readonly [invoked: number, returned: number]

/** An operation that was answered. */
export function ok<Type extends Call['type']>(
  session: string,
  [invoked, returned]: Times,
  call: Extract<Call, { type: Type }>,
  result: Results[Type],
): Omit<Operation, 'id'> {
  return {
    ...bare(session, call, invoked),
    returned,
    returnedMs: returned,
    outcome: 'ok',
    result,
    answers: [result],
  }
}

/** An operation of which nobody told the outcome. */
export function unknown(session: string, invoked: number, call: Call): Omit<Operation, 'id'> {
  return { ...bare(session, call, invoked), returned: Number.POSITIVE_INFINITY, outcome: 'unknown' }
}

/** An operation that was certainly not applied. */
export function refused(session: string, [invoked, returned]: Times, call: Call): Omit<Operation, 'id'> {
  return { ...bare(session, call, invoked), returned, returnedMs: returned, outcome: 'fail' }
}

/** Numbers the operations. */
export function historyOf(...operations: readonly Omit<Operation, 'id'>[]): Operation[] {
  return operations.map((operation, id) => ({ ...operation, id }))
}

function bare(session: string, call: Call, invoked: number): Omit<Operation, 'id' | 'outcome' | 'returned'> {
  return { session, call, invoked, answers: [], attempts: 1, invokedMs: invoked, returnedMs: -1 }
}
