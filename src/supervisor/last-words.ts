import { explain, isTenfoldError } from '../core/errors.ts'
import { NodeFailed } from './node-failed.ts'
import type { ServerLog } from './server-log.ts'
import type { Failure } from './start-request.ts'

/** What a process tells whoever started it when it could not start. */
export function failureOf(error: unknown, debug: boolean): Failure {
  if (error instanceof NodeFailed) return error.failure
  const stack = error instanceof Error ? error.stack : undefined
  return {
    text: explain(error),
    code: isTenfoldError(error) ? error.code : undefined,
    // Our own errors explain themselves; of others the stack is all there is.
    stack: debug ? `${explain(error)}\n${stack ?? ''}` : undefined,
  }
}

/** A terminal or a pipe that goes away is no reason to die. */
export function outliveOutput(): void {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {})
}

/** An error that nobody catches ends the process, but not before it is in the log. */
export function logUncaught(log: ServerLog): void {
  process.on('uncaughtExceptionMonitor', (error, origin) => {
    log.error({ error, origin }, 'the process dies of an error that nobody caught')
    log.flush()
  })
}
