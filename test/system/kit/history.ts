import { writeFileSync } from 'node:fs'

/** What a session of the workload asks for. Keys are shard keys; accounts live at home. */
export type Call =
  | { readonly type: 'read'; readonly key: string }
  /** A read where decisions are made: in a write, on the primary. */
  | { readonly type: 'look'; readonly key: string }
  | { readonly type: 'write'; readonly key: string; readonly value: number }
  | { readonly type: 'cas'; readonly key: string; readonly from: number | null; readonly to: number }
  | { readonly type: 'append'; readonly key: string; readonly element: string }
  | { readonly type: 'list'; readonly key: string }
  | { readonly type: 'increment'; readonly keys: readonly string[]; readonly by: number }
  | { readonly type: 'count'; readonly key: string }
  | { readonly type: 'transfer'; readonly from: string; readonly to: string; readonly amount: number }
  | { readonly type: 'balances' }

/** What the app answers to each call. */
export interface Results {
  read: { readonly value: number | null }
  look: { readonly value: number | null }
  write: { readonly value: number }
  cas: { readonly swapped: boolean }
  append: { readonly length: number }
  list: { readonly elements: readonly string[] }
  increment: { readonly totals: readonly number[] }
  count: { readonly total: number }
  transfer: { readonly moved: boolean }
  balances: { readonly balances: Readonly<Record<string, number>> }
}

/** `ok`: answered with success. `fail`: certainly not applied. `unknown`: nobody told. */
export type Outcome = 'ok' | 'fail' | 'unknown'

/** One operation of one session, with every answer that came to it. */
export interface Operation<Type extends Call['type'] = Call['type']> {
  readonly id: number
  readonly session: string
  readonly call: Extract<Call, { type: Type }>
  /** Position in the total order of all events of the history. */
  readonly invoked: number
  /** Likewise; Infinity when the outcome is unknown: it may still take effect at any time. */
  readonly returned: number
  readonly outcome: Outcome
  readonly result?: Results[Type]
  /** Every success that came to this operation's Idempotency-Key, repeats included. */
  readonly answers: readonly unknown[]
  /** Requests sent. */
  readonly attempts: number
  /** Milliseconds since the history began, for people. */
  readonly invokedMs: number
  readonly returnedMs: number
}

/** What a checker found: an impossibility, in words, and the operations that show it. */
export interface Violation {
  readonly checker: string
  readonly message: string
  readonly operations: readonly number[]
}

/** The operations of these types, in the order of the history. */
export function ofType<Type extends Call['type']>(
  history: readonly Operation[],
  ...types: readonly Type[]
): Operation<Type>[] {
  const wanted: ReadonlySet<string> = new Set(types)
  return history.filter(({ call }) => wanted.has(call.type)) as unknown as Operation<Type>[]
}

/** Groups values, keeping their order. */
export function groupBy<Value>(
  values: readonly Value[],
  keyOf: (value: Value) => string,
): Map<string, Value[]> {
  const groups = new Map<string, Value[]>()
  for (const value of values) {
    const key = keyOf(value)
    const group = groups.get(key)
    if (group) group.push(value)
    else groups.set(key, [value])
  }
  return groups
}

/** An operation that has been invoked and waits for its end. */
export interface Pending {
  /** A success that came to this operation; the first also ends it. */
  answered(result: unknown): void
  /** The operation was certainly not applied. */
  failed(): void
  /** The client gave up. */
  lost(): void
  /** Another request was sent. */
  attempted(): void
}

type Draft = { -readonly [K in keyof Operation]: Operation[K] }

/** Records what the sessions of one process see. One process: so events have one order and no clock is compared. */
export class Recorder {
  readonly #operations: Draft[] = []
  readonly #began = performance.now()
  #events = 0

  begin(session: string, call: Call): Pending {
    const operation: Draft = {
      id: this.#operations.length,
      session,
      call,
      invoked: this.#event(),
      returned: Number.POSITIVE_INFINITY,
      outcome: 'unknown',
      answers: [],
      attempts: 0,
      invokedMs: this.#milliseconds(),
      returnedMs: -1,
    }
    this.#operations.push(operation)
    const end = (outcome: Outcome): void => {
      operation.outcome = outcome
      operation.returnedMs = this.#milliseconds()
      if (outcome !== 'unknown') operation.returned = this.#event()
    }
    return {
      answered: (result) => {
        operation.answers = [...operation.answers, result]
        if (operation.outcome === 'ok') return
        operation.result = result as Results[Call['type']]
        end('ok')
      },
      failed: () => end('fail'),
      lost: () => end('unknown'),
      attempted: () => {
        operation.attempts += 1
      },
    }
  }

  get operations(): readonly Operation[] {
    return this.#operations
  }

  /** One operation a line, as JSON. */
  save(file: string): void {
    writeFileSync(file, this.#operations.map((operation) => `${JSON.stringify(operation)}\n`).join(''))
  }

  #event(): number {
    this.#events += 1
    return this.#events
  }

  #milliseconds(): number {
    return Math.round((performance.now() - this.#began) * 1000) / 1000
  }
}
