import type { PostgresState } from './types.ts'

/** Where each state may lead. DESIGN.md draws it. */
export const TRANSITIONS: Readonly<Record<PostgresState, readonly PostgresState[]>> = {
  absent: ['initialising', 'starting', 'running', 'stopping'],
  initialising: ['starting', 'stopping'],
  starting: ['running', 'stopping'],
  running: ['stopping', 'crashed'],
  crashed: ['stopping'],
  stopping: ['stopped'],
  stopped: [],
}

/** The state after a step; a step that the table does not have is a bug of ours. */
export function step(from: PostgresState, to: PostgresState): PostgresState {
  if (!TRANSITIONS[from].includes(to)) throw new Error(`PostgreSQL server: ${from} does not lead to ${to}`)
  return to
}
