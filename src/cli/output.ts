import { explain } from '../core/errors.ts'

/** A reader that goes away (`tenfold logs | head`) is no error. */
export function ignoreClosedOutput(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') process.exitCode = 1
    })
  }
}

/** Data, for people or programs. */
export function print(text: string): void {
  process.stdout.write(text.endsWith('\n') ? text : `${text}\n`)
}

export function printJson(value: unknown): void {
  print(JSON.stringify(value, null, 2))
}

/** Progress and remarks; never part of the data. */
export function say(line: string): void {
  process.stderr.write(`${line}\n`)
}

/** Cause, remedy and code; the stack only when asked for. */
export function sayError(error: unknown, debug: boolean): void {
  say(`tenfold: ${explain(error)}`)
  if (debug && error instanceof Error) say(error.stack ?? '')
}

/** Columns as wide as their widest cell. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? []
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}
