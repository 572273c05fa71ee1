/** Fields of one log line; values are JSON. Secrets never go here: see telemetry/log.ts for redaction. */
export type LogFields = Readonly<Record<string, unknown>>

/** Structured logging as the tiers see it; telemetry/ implements it. */
export interface Logger {
  debug(fields: LogFields, message: string): void
  info(fields: LogFields, message: string): void
  warn(fields: LogFields, message: string): void
  error(fields: LogFields, message: string): void
  /** A logger whose every line also carries `fields`. */
  child(fields: LogFields): Logger
}

/** Writes nothing; for tests and for parts used alone. */
export const silentLogger: Logger = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  child: () => silentLogger,
}
