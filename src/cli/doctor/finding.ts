/** One line of `tenfold doctor`. */
export interface Finding {
  /** What was looked at, e.g. `disk`, `c0 settings`. */
  readonly check: string
  readonly level: 'ok' | 'warn' | 'fail'
  readonly message: string
  /** What to do; absent when all is well. */
  readonly remedy?: string
}

export const ok = (check: string, message: string): Finding => ({ check, level: 'ok', message })
export const warn = (check: string, message: string, remedy: string): Finding => ({
  check,
  level: 'warn',
  message,
  remedy,
})
export const fail = (check: string, message: string, remedy: string): Finding => ({
  check,
  level: 'fail',
  message,
  remedy,
})

/** For a person: level, check, message; the remedy on a line of its own. */
export function findingText({ check, level, message, remedy }: Finding): string {
  const head = `${level.padEnd(4)}  ${check}: ${message}`
  return remedy === undefined ? head : `${head}\n      ${remedy}`
}
