import { systemClock } from '../core/clock.ts'
import { explain } from '../core/errors.ts'
import type { SystemStatus } from '../core/topology.ts'
import { Guard } from '../supervisor/guard.ts'
import { outliveOutput } from '../supervisor/last-words.ts'
import type { StartRequest } from '../supervisor/start-request.ts'
import { EXIT } from './exit.ts'
import { processPath } from './process-path.ts'
import { watchTerminal } from './terminal.ts'

/** Carries the request into the guard's process: it may hold secrets, which a command line would show to everyone. */
export const REQUEST_VARIABLE = 'TENFOLD_INTERNAL_START'

/** Runs the guard in this process; resolves with the exit code. Imports little: this process stays. */
export async function runGuard(): Promise<number> {
  const request = JSON.parse(process.env[REQUEST_VARIABLE] ?? '') as StartRequest
  delete process.env[REQUEST_VARIABLE]
  outliveOutput()
  const say = (line: string): void => void process.stderr.write(`tenfold: ${line}\n`)
  const guard = new Guard({
    request,
    entry: processPath('server'),
    clock: systemClock,
    say,
    onReady: ({ status, notes }) => {
      for (const note of notes) say(note)
      process.stdout.write(request.json ? `${JSON.stringify(status, null, 2)}\n` : `${readyLine(status)}\n`)
    },
  })
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => guard.stop())
  const hasTerminalGone = watchTerminal()
  process.on('SIGHUP', () => (request.tls === undefined || hasTerminalGone() ? guard.stop() : guard.renew()))
  try {
    return await guard.run()
  } catch (error) {
    say(explain(error))
    return EXIT.failed
  }
}

/** The one line that `tenfold start` prints when requests are answered. */
export function readyLine({ app, url, stage, consoleUrl, directory }: SystemStatus): string {
  const clusters = Object.keys(directory.clusters).length
  const facts = [
    `stage ${stage}`,
    ...(clusters > 1 ? [`${clusters} clusters`] : []),
    ...(consoleUrl ? [`console ${consoleUrl}`] : []),
  ]
  return `${app.charAt(0).toUpperCase()}${app.slice(1)} is ready at ${url} (${facts.join(', ')})`
}
