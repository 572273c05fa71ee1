import { isDeepStrictEqual } from 'node:util'
import type { Operation, Violation } from '../history.ts'

/** Whoever sends the same request under the same Idempotency-Key again gets the first answer again. */
export function checkReplays(history: readonly Operation[]): Violation[] {
  return history
    .filter(({ answers }) => answers.some((answer) => !isDeepStrictEqual(answer, answers[0])))
    .map(({ id, call, answers }) => ({
      checker: 'replays',
      message: `${call.type} was answered differently under one key: ${answers.map((one) => JSON.stringify(one)).join(', ')}`,
      operations: [id],
    }))
}
