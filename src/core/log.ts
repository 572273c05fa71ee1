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
  /**
   * Makes a writer of many lines of one kind at level info, for what is logged on every request: its fields are JSON
   * text already, `"a":1,"b":"c"`, and hold no secrets. Absent where lines go to several places.
   */
  readonly writer?: ((message: string) => (fields: string) => void) | undefined
}

/** Writes nothing; for tests and for parts used alone. */
export const silentLogger: Logger = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  child: () => silentLogger,
}
