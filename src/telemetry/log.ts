import pino from 'pino'
import type { Clock } from '../core/clock.ts'
import { systemClock } from '../core/clock.ts'
import type { LogFields, Logger } from '../core/log.ts'
import { pretty } from './pretty.ts'
import { redact, redactText } from './redact.ts'
import { FileSink, type LogSink, streamSink } from './sink.ts'

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'
export const LOG_LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error']

export interface LogOptions {
  /** Lines below this level are not written. @defaultValue 'info' */
  readonly level?: LogLevel
  /** A file to append to, or a stream; a terminal gets a form for people. */
  readonly to: { readonly file: string } | { readonly stream: NodeJS.WritableStream & { isTTY?: boolean } }
  /** Fields of every line, e.g. the node's id. */
  readonly fields?: LogFields
  /** Bytes beyond which a file is moved to `<file>.1`. @defaultValue 64 MiB */
  readonly bytesMax?: number
  readonly clock?: Clock
}

/** A logger that owns its destination. */
export interface Log extends Logger {
  /** Writes what is held back, at once. */
  flush(): void
  /** Flushes and lets go of the file. Later lines are dropped. */
  close(): void
}

function wrap(target: pino.Logger): Logger {
  return {
    debug: (fields, message) => {
      if (target.isLevelEnabled('debug')) target.debug(redact(fields), redactText(message))
    },
    info: (fields, message) => target.info(redact(fields), redactText(message)),
    warn: (fields, message) => target.warn(redact(fields), redactText(message)),
    error: (fields, message) => target.error(redact(fields), redactText(message)),
    child: (fields) => wrap(target.child(redact(fields))),
  }
}

/** The same lines as pino's, put together by hand: a tenth of the time. */
function writerOf(sink: LogSink, clock: Clock, fields: LogFields, message: string) {
  const base = JSON.stringify(fields).slice(1, -1)
  const start = base === '' ? ',' : `,${base},`
  const end = `,"msg":${JSON.stringify(message)}}\n`
  return (line: string): void => sink.write(`{"level":"info","time":${clock.now()}${start}${line}${end}`)
}

function sinkOf(options: LogOptions, clock: Clock): LogSink {
  if ('file' in options.to) return new FileSink(options.to.file, clock, options.bytesMax)
  const { stream } = options.to
  return streamSink(stream, stream.isTTY === true ? pretty : (line) => line)
}

/** Opens a log: one JSON object a line, secrets redacted. Writing to it never throws. */
export function createLog(options: LogOptions): Log {
  const clock = options.clock ?? systemClock
  const sink = sinkOf(options, clock)
  const base = redact(options.fields ?? {})
  const target = pino(
    {
      level: options.level ?? 'info',
      base: options.fields ? base : null,
      timestamp: () => `,"time":${clock.now()}`,
      formatters: { level: (label) => ({ level: label }) },
      // Errors are made readable, and bounded, by redact.
      serializers: {},
    },
    sink,
  )
  const writer = (message: string): ((line: string) => void) =>
    target.isLevelEnabled('info') ? writerOf(sink, clock, base, redactText(message)) : () => {}
  return { ...wrap(target), writer, flush: () => sink.flush(), close: () => sink.close() }
}
