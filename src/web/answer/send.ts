import type { ServerResponse } from 'node:http'
import type { Exchange } from '../exchange.ts'
import { FastResponse, type PlainBody } from '../fetch/response.ts'
import { formatTraceparent } from '../request/trace.ts'
import { LOST_HEADER, SEEN_HEADER } from '../seen/request-seen.ts'
import { sendFast } from './fast.ts'
import { isDocument, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY } from './security.ts'
import { bodyless, CONNECTION_HEADERS, type Sending, serverTiming } from './sending.ts'

/** The lines that every answer of the platform has, as Node takes them: name, value, name, value. */
export function platformLines(
  exchange: Exchange,
  sending: Sending,
  out: string[] = [],
  noted = nothingNoted(),
): string[] {
  const timing = serverTiming(exchange, sending.now)
  out.push('tenfold-request', exchange.requestId, 'server-timing', timing)
  if (!noted.nosniff) out.push('x-content-type-options', 'nosniff')
  if (noted.document) {
    if (!noted.policy && sending.contentSecurityPolicy !== false)
      out.push('content-security-policy', sending.contentSecurityPolicy)
    if (!noted.referrer) out.push('referrer-policy', REFERRER_POLICY)
  }
  if (exchange.secure && !noted.transport) out.push('strict-transport-security', STRICT_TRANSPORT_SECURITY)
  if (exchange.req.headers.traceparent !== undefined)
    out.push('traceparent', formatTraceparent(exchange.trace))
  const { cookies } = exchange
  if (cookies) {
    for (const cookie of cookies) out.push('set-cookie', cookie)
    // What sets a cookie is for one person: no shared cache may keep it.
    if (!noted.cacheControl) out.push('cache-control', 'no-store')
    noted.cacheControl = true
  }
  if (sending.closing) out.push('connection', 'close')
  return out
}

/** What the app's own headers were about. */
interface Noted {
  document: boolean
  policy: boolean
  referrer: boolean
  nosniff: boolean
  transport: boolean
  cacheControl: boolean
  length: boolean
}

function add(out: string[], noted: Noted, name: string, value: string): void {
  switch (name) {
    case 'content-type':
      noted.document = isDocument(value)
      break
    case 'content-length':
      noted.length = true
      break
    case 'content-security-policy':
      noted.policy = true
      break
    case 'referrer-policy':
      noted.referrer = true
      break
    case 'x-content-type-options':
      noted.nosniff = true
      break
    case 'strict-transport-security':
      noted.transport = true
      break
    case 'cache-control':
      noted.cacheControl = true
      break
    case 'server-timing':
    case 'tenfold-request':
    case SEEN_HEADER:
    case LOST_HEADER:
      return
    default:
      if (CONNECTION_HEADERS.has(name)) return
  }
  out.push(name, value)
}

const nothingNoted = (): Noted => ({
  document: false,
  policy: false,
  referrer: false,
  nosniff: false,
  transport: false,
  cacheControl: false,
  length: false,
})

/** What the session has seen, as far as it is known when the head leaves. */
function seenLines(exchange: Exchange, out: string[], noted: Noted): void {
  const answer = exchange.seenAnswer()
  if (!answer) return
  if (answer.header !== undefined) out.push(SEEN_HEADER, answer.header)
  if (answer.lost !== undefined) out.push(LOST_HEADER, answer.lost)
  if (!answer.cookies) return
  for (const cookie of answer.cookies) out.push('set-cookie', cookie)
  if (noted.cacheControl) return
  // The page itself may be kept by its reader (and by the back button), its cookie by no shared cache.
  out.push('cache-control', 'private')
}

/** Writes the head. With `length` the body's size is known. */
export function sendHead(
  exchange: Exchange,
  sending: Sending,
  status: number,
  headers: Iterable<readonly [string, string]> | Record<string, string>,
  length: number | undefined,
): void {
  const out: string[] = []
  const noted = nothingNoted()
  if (Symbol.iterator in headers) for (const [name, value] of headers as Headers) add(out, noted, name, value)
  else for (const name in headers) add(out, noted, name, headers[name]!)
  if (length !== undefined && !noted.length && !bodyless(status)) out.push('content-length', String(length))
  platformLines(exchange, sending, out, noted)
  seenLines(exchange, out, noted)
  exchange.res.writeHead(status, out)
  exchange.state = 'answering'
}

/** Sends a body that is at hand. Without `end` the caller ends the answer, when it has read what still arrives. */
export function sendPlain(
  exchange: Exchange,
  sending: Sending,
  status: number,
  headers: Iterable<readonly [string, string]> | Record<string, string>,
  body: PlainBody,
  end = true,
): void {
  const length = typeof body === 'string' ? Buffer.byteLength(body) : body.byteLength
  sendHead(exchange, sending, status, headers, length)
  if (exchange.req.method === 'HEAD' || bodyless(status)) exchange.res.end()
  else {
    exchange.bytes = length
    if (end) exchange.res.end(body)
    else exchange.res.write(body)
  }
}

/**
 * Sends any `Response`. Resolves when its body was handed over; rejects when the body fails, with the head
 * already gone: then only closing the connection tells the client that the answer is not whole.
 */
export function send(exchange: Exchange, sending: Sending, response: Response): Promise<void> | undefined {
  const plain = FastResponse.plainBody(response)
  const record = FastResponse.plainHeaders(response)
  if (typeof plain === 'string' && record !== undefined && response.status === 200)
    if (sendFast(exchange, sending, record, plain)) return undefined
  const headers = record ?? response.headers
  if (plain !== undefined) {
    sendPlain(exchange, sending, response.status, headers, plain)
    return undefined
  }
  const { body } = response
  if (body === null || exchange.req.method === 'HEAD' || bodyless(response.status)) {
    const announced = exchange.req.method === 'HEAD' ? undefined : 0
    sendHead(exchange, sending, response.status, headers, announced)
    exchange.res.end()
    return body?.cancel().catch(() => {})
  }
  sendHead(exchange, sending, response.status, headers, undefined)
  return pump(exchange, body)
}

/** Moves a stream to the socket at the socket's pace; a client that leaves cancels the stream. */
async function pump(exchange: Exchange, body: ReadableStream<Uint8Array>): Promise<void> {
  const { res } = exchange
  const reader = body.getReader()
  let left = res.destroyed
  res.once('close', () => {
    left = true
    reader.cancel(exchange.signal.reason).catch(() => {})
  })
  // The head goes out before the first byte: the reader of an event stream waits for it.
  res.flushHeaders()
  for (;;) {
    const { done, value } = await reader.read()
    if (left) return
    if (done) break
    exchange.bytes += value.byteLength
    if (!res.write(value)) await drained(res)
  }
  res.end()
}

function drained(res: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      res.off('drain', done).off('close', done)
      resolve()
    }
    res.on('drain', done).on('close', done)
  })
}
