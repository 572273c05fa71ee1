import { ServerResponse } from 'node:http'
import type { Exchange } from '../exchange.ts'
import type { HeaderRecord } from '../fetch/response.ts'
import { LOST_HEADER, SEEN_HEADER } from '../seen/request-seen.ts'
import { isDocument } from './security.ts'
import { CONNECTION_HEADERS, type Sending, serverTiming } from './sending.ts'

/** Headers of the app about which something has to be decided: their answers take the ordinary way. */
const SPECIAL = new Set([
  ...CONNECTION_HEADERS,
  'content-length',
  'content-security-policy',
  'content-disposition',
  'date',
  'expect',
  'referrer-policy',
  'server-timing',
  'set-cookie',
  'strict-transport-security',
  'tenfold-request',
  SEEN_HEADER,
  LOST_HEADER,
  'x-content-type-options',
])

/** What `writeHead` itself calls, once it has checked every header: it adds date, length and connection. */
interface HeadStore {
  _storeHeader(firstLines: string, headers: null): void
  _contentLength: number | null
}

/** It is not documented: a Node.js without it takes the ordinary way. A test compares both ways. */
const isKnown = typeof (ServerResponse.prototype as unknown as Partial<HeadStore>)._storeHeader === 'function'

/**
 * Sends the most usual of answers: 200, text, headers without surprises. `writeHead` checks and compares name and value of
 * every header, a microsecond or two each time; here the app's were checked when its `Response` was made, and ours need
 * no check.
 *
 * @returns false when the answer has to take the ordinary way; nothing was sent then
 */
export function sendFast(exchange: Exchange, sending: Sending, record: HeaderRecord, body: string): boolean {
  const { req, res } = exchange
  if (!isKnown || sending.closing || exchange.secure || exchange.cookies !== undefined) return false
  if (req.method !== 'GET' || req.httpVersionMinor !== 1 || req.headers.traceparent !== undefined)
    return false
  let head = 'HTTP/1.1 200 OK\r\n'
  let cacheControl = false
  for (const name in record) {
    const value = record[name]!
    if (name === 'content-type') {
      if (isDocument(value)) return false
    } else if (name === 'cache-control') cacheControl = true
    else if (SPECIAL.has(name)) return false
    head += `${name}: ${value}\r\n`
  }
  // Somebody before us may have set headers of their own.
  if (res.headersSent || res.getHeaderNames().length > 0) return false
  const seen = exchange.seenAnswer()
  if (seen?.header !== undefined) head += `${SEEN_HEADER}: ${seen.header}\r\n`
  if (seen?.lost !== undefined) head += `${LOST_HEADER}: ${seen.lost}\r\n`
  if (seen?.cookies) {
    for (const line of seen.cookies) head += `set-cookie: ${line}\r\n`
    if (!cacheControl) head += 'cache-control: private\r\n'
  }
  head += `tenfold-request: ${exchange.requestId}\r\nserver-timing: ${serverTiming(exchange, sending.now)}\r\nx-content-type-options: nosniff\r\n`
  const length = Buffer.byteLength(body)
  const store = res as unknown as HeadStore
  store._contentLength = length
  store._storeHeader(head, null)
  exchange.state = 'answering'
  exchange.bytes = length
  // As many bytes as characters: ASCII, whose bytes are the same and need no encoding.
  res.end(body, length === body.length ? 'latin1' : 'utf8')
  return true
}
