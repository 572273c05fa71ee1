/** Milliseconds that a request may take; then it has failed. What a write of Tenfold waits for a primary. */
export const DEADLINE_MS = 10_000

/** A database that survives the loss of its primary, and a client that goes on. */
export interface Contender {
  readonly name: string
  /** Rounds that are measured between a start and a stop. */
  readonly rounds: number
  /** Comes up whole, with an empty table of events. May be called again after a stop. */
  start(): Promise<void>
  /** Inserts an event. Resolves when it is acknowledged, rejects when the request has failed. */
  write(id: string): Promise<void>
  /** Whether an event is there, for a client that has to see what was acknowledged. Rejects when the request has failed. */
  read(id: string): Promise<boolean>
  /** SIGKILL of the primary and of what watches it beside it, as when its machine is lost. */
  killPrimary(): Promise<void>
  /** Resolves when every copy follows again, the lost one's replacement included. */
  redundant(): Promise<void>
  /** The ids of all events whose id begins so; one that was inserted twice comes twice. */
  written(prefix: string): Promise<string[]>
  stop(): Promise<void>
}

/** A request whose outcome nobody can tell: it may have been applied. */
export class OutcomeUnknown extends Error {}
