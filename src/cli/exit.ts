/** Done, failed, wrong usage. */
export const EXIT = { done: 0, failed: 1, usage: 2 } as const

/** Ends a command with a code of its own; whatever there was to say has been said. */
export class ExitWith extends Error {
  readonly code: number
  constructor(code: number) {
    super(`exit with ${code}`)
    this.code = code
  }
}
