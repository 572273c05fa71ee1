import type { Clock } from '../core/clock.ts'
import type { Logger } from '../core/log.ts'

/** Only what takes longer than this is worth a line. */
const QUIET_MS = 1_000

/** A log for commands: what goes on, once a command takes longer than a second; warnings at once. */
export function progressLog(say: (line: string) => void, clock: Clock): Logger {
  const began = clock.monotonic()
  const log: Logger = {
    debug: () => {},
    info: (_, message) => {
      if (clock.monotonic() - began > QUIET_MS) say(message)
    },
    warn: (_, message) => say(`warning: ${message}`),
    error: (_, message) => say(`error: ${message}`),
    child: () => log,
  }
  return log
}
