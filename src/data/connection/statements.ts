/** Beyond this many distinct texts a process stops naming statements, so that generated SQL cannot fill memory. */
const STATEMENTS_MAX = 2000
/** Runs below {@link FAST_MS} that a statement needs before it may share a connection with others. */
const FAST_RUNS_NEEDED = 3
/** What counts as fast, in milliseconds: about what a point read may wait behind. */
const FAST_MS = 5

/**
 * One SQL text. PostgreSQL parses and plans it once per connection under `name`; a point read then costs half
 * the server's CPU.
 */
export interface Statement {
  readonly text: string
  /** Empty: not worth a name, parsed each time. */
  readonly name: string
  /** Consecutive fast runs; see {@link isKnownFast}. */
  fastRuns: number
}

/** The process-wide table of statements of one data client. */
export class Statements {
  readonly #byText = new Map<string, Statement>()

  get(text: string): Statement {
    let statement = this.#byText.get(text)
    if (!statement) {
      const named = this.#byText.size < STATEMENTS_MAX
      statement = { text, name: named ? `tf${this.#byText.size}` : '', fastRuns: 0 }
      if (named) this.#byText.set(text, statement)
    }
    return statement
  }
}

/** Whether the statement has earned its place on a shared connection. */
export function isKnownFast(statement: Statement): boolean {
  return statement.fastRuns >= FAST_RUNS_NEEDED
}

/** Notes how long a run took; one slow run sends the statement back to connections of its own. */
export function noteRun(statement: Statement, ms: number): void {
  statement.fastRuns = ms <= FAST_MS ? statement.fastRuns + 1 : 0
}
