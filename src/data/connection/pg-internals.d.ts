declare module 'pg/lib/utils.js' {
  /** Maps a JavaScript value to PostgreSQL's text form (or a Buffer, sent as binary). */
  export function prepareValue(value: unknown): string | Buffer | null
}
