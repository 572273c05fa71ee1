/** Named statements of a process, at most: each costs memory in every session that prepares it. */
const NAMED_MAX = 500
/** Texts that are remembered, at most; generated SQL must not fill memory. */
const TEXTS_MAX = 4000
/** From this use on a text is worth a name. */
const NAMED_FROM_USE = 2
/** Runs below {@link FAST_MS} that a statement needs before it may share a connection with others. */
const FAST_RUNS_NEEDED = 3
/** Slow beyond doubt, in milliseconds. */
const SLOW_MS = 50
/** What counts as fast, in milliseconds: about what a point read may wait behind. */
const FAST_MS = 5

/** What is sent in one round trip is one transaction: a setting or a lock of one statement would be its neighbours', too. */
const CHANGES_TRANSACTION = /\bset_config\b|\bpg_(?:try_)?advisory_/i

/** One SQL text. Under a name, PostgreSQL parses and plans it once per session: half the cost of a point read. */
export interface Statement {
  readonly text: string
  /** Empty: not worth a name, parsed each time. */
  readonly name: string
  /** Consecutive fast runs; see {@link isKnownFast}. */
  fastRuns: number
  /** Whether a read, or a write, may send it; see client/statement-guard.ts. Undefined until asked. */
  mayRead?: boolean
  mayWrite?: boolean
  /** Whether only the primary may answer it; see there, too. */
  isOfOneServer?: boolean
}

interface Entry {
  statement: Statement
  uses: number
}

/** The table of statements of one data client. */
export class Statements {
  readonly #entries = new Map<string, Entry>()
  #named = 0

  get(text: string): Statement {
    const entry = this.#entries.get(text)
    if (!entry) return this.#add(text)
    // A new object, because batches under way hold the old one with its empty name.
    if (++entry.uses === NAMED_FROM_USE && this.#named < NAMED_MAX) {
      entry.statement = { ...entry.statement, name: `tf${this.#named++}` }
    }
    return entry.statement
  }

  #add(text: string): Statement {
    const statement = { text, name: '', fastRuns: 0 }
    if (this.#entries.size >= TEXTS_MAX) this.#forgetUnnamed()
    this.#entries.set(text, { statement, uses: 1 })
    return statement
  }

  #forgetUnnamed(): void {
    for (const [text, { statement }] of this.#entries) if (statement.name === '') this.#entries.delete(text)
  }
}

/** Whether the statement has earned its place on a shared connection. */
export function isKnownFast(statement: Statement): boolean {
  return statement.fastRuns >= FAST_RUNS_NEEDED
}

/**
 * Notes how long a run took, on the client's clock. A busy process sees even a point read late now and then, so what
 * counts is that fast runs happen; only a run that is slow beyond doubt starts the count anew.
 */
export function noteRun(statement: Statement, ms: number): void {
  if (CHANGES_TRANSACTION.test(statement.text)) return
  if (ms <= FAST_MS) statement.fastRuns++
  else if (ms > SLOW_MS) statement.fastRuns = 0
}
