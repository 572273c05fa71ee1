import type { Operation, Violation } from '../history.ts'
import { changes } from '../operations.ts'
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

/** What is demanded of reads. */
export interface Demands {
  /**
   * Copies answer them: each session sees what it wrote and never goes back, but not at once what others wrote. Whatever
   * changes something, or looks in a write, is answered by the primary, and is as linearizable as ever.
   * @defaultValue false
   */
  readonly copies?: boolean | undefined
}

/** Every checker over one history. */
export function checkAll(
  history: readonly Operation[],
  initial: { readonly balances: Readonly<Record<string, number>> },
  finals: Finals,
  { copies = false }: Demands = {},
): Violation[] {
  const ofPrimary = copies ? history.filter(({ call }) => changes(call)) : history
  return [
    ...checkRegisters(ofPrimary, finals.registers),
    ...checkLists(history, finals.lists, { copies }),
    ...checkCounters(ofPrimary, finals.counters),
    ...checkSessions(history),
    ...checkTransfers(history, initial.balances, finals.balances),
    ...checkReplays(history),
  ]
}
