import type { Exchange } from '../exchange.ts'

/** What the sender needs to know besides the exchange. */
export interface Sending {
  /** Monotonic milliseconds. */
  readonly now: number
  /** Tell the client to close its connection after this answer. */
  readonly closing: boolean
  /** For documents without one; false sends none. */
  readonly contentSecurityPolicy: string | false
}

/** These describe the connection, which is ours: an app that copies them from elsewhere must not break it. */
export const CONNECTION_HEADERS = new Set([
  'connection',
  'keep-alive',
  'transfer-encoding',
  'upgrade',
  'trailer',
])
/** Bytes of a body that may be announced although none follows. */
export const bodyless = (status: number): boolean => status === 204 || status === 304 || status < 200

const tenths = (ms: number): number => Math.round(ms * 10) / 10

export function serverTiming({ timing, startedAt }: Exchange, now: number): string {
  let text = `app;dur=${tenths(now - startedAt)}`
  if (timing.dbMs > 0) text += `, db;dur=${tenths(timing.dbMs)}`
  if (timing.cacheMs > 0) text += `, cache;dur=${tenths(timing.cacheMs)}`
  return text
}
