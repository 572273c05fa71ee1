import type { Logger } from '../core/log.ts'
import { createLog, type LogLevel } from '../telemetry/log.ts'

/** The server's log: all of it in a file, warnings and errors also for the person at the terminal. */
export interface ServerLog extends Logger {
  /** Goes to the file only: the person is told in another way. */
  readonly file: Logger
  flush(): void
  close(): void
}

export function openServerLog(file: string, level: LogLevel, node = 'web-1'): ServerLog {
  const kept = createLog({ level, to: { file }, fields: { node } })
  const shown = createLog({ level: level === 'error' ? 'error' : 'warn', to: { stream: process.stderr } })
  return { ...both(kept, shown), file: kept, flush: kept.flush, close: kept.close }
}

function both(a: Logger, b: Logger): Logger {
  return {
    debug: (fields, message) => a.debug(fields, message),
    info: (fields, message) => a.info(fields, message),
    warn: (fields, message) => {
      a.warn(fields, message)
      b.warn(fields, message)
    },
    error: (fields, message) => {
      a.error(fields, message)
      b.error(fields, message)
    },
    child: (fields) => both(a.child(fields), b.child(fields)),
    // Level info is for the file alone.
    writer: a.writer,
  }
}
