import type { Operation, Violation } from '../history.ts'
import { checkCounters } from './counters.ts'
import { checkLists } from './lists.ts'
import { checkRegisters } from './registers.ts'
import { checkReplays } from './replays.ts'
import { checkSessions } from './sessions.ts'
import { checkTransfers } from './transfers.ts'

/** What the databases hold when all is quiet, read by plain SQL and not through the app. */
export interface Finals {
  readonly registers: Readonly<Record<string, number | null>>
  readonly lists: Readonly<Record<string, readonly string[]>>
  readonly counters: Readonly<Record<string, number>>
  readonly balances: Readonly<Record<string, number>>
}

/** Every checker over one history. */
export function checkAll(
  history: readonly Operation[],
  initial: { readonly balances: Readonly<Record<string, number>> },
  finals: Finals,
): Violation[] {
  return [
    ...checkRegisters(history, finals.registers),
    ...checkLists(history, finals.lists),
    ...checkCounters(history, finals.counters),
    ...checkSessions(history),
    ...checkTransfers(history, initial.balances, finals.balances),
    ...checkReplays(history),
  ]
}
