import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { test } from 'node:test'
import type { RequestContext } from '../core/context.ts'
import { type ErrorCode, TenfoldError } from '../core/errors.ts'
import { isUuid } from '../core/uuid.ts'
import { TestClock } from '../testing/clock.ts'
import { raw, send, site } from './fixtures/site.ts'

const json = (data: unknown): Response => Response.json(data)

test('an answer carries the platform’s headers, one log line and metrics', async (t) => {
  const { url, line, metrics } = await site(t, () => json({ a: 1 }))
  const reply = await send(url, '/users/12?token=secret')
  assert.equal(reply.status, 200)
  assert.deepEqual(JSON.parse(reply.body), { a: 1 })
  assert.ok(isUuid(String(reply.headers['tenfold-request'])))
  assert.match(String(reply.headers['server-timing']), /^app;dur=[\d.]+$/)
  assert.equal(reply.headers['x-content-type-options'], 'nosniff')
  assert.equal(reply.headers['content-length'], '7')
  const logged = await line(({ msg }) => msg === 'request')
  assert.deepEqual(
    [logged.method, logged.path, logged.status, logged.bytes, logged.requestId],
    ['GET', '/users/12', 200, 7, reply.headers['tenfold-request']],
  )
  const text = await metrics.text()
  assert.match(text, /http_requests_total\{method="GET",status="2xx"\} 1/)
  assert.match(text, /http_request_duration_seconds_count\{method="GET"\} 1/)
  assert.match(text, /http_requests_in_flight 0/)
})

test('a document gets a policy unless it has one, and cookies keep it out of caches', async (t) => {
  const { url, contexts } = await site(t, (request) => {
    contexts.current()?.http?.setCookie('a', 'a=1')
    contexts.current()?.http?.setCookie('b', 'b=1')
    contexts.current()?.http?.setCookie('a', 'a=2')
    const own = request.url.endsWith('/own') ? { 'content-security-policy': "default-src 'none'" } : undefined
    return new Response('<p>', { headers: { 'content-type': 'text/html', 'set-cookie': 'c=1', ...own } })
  })
  const reply = await send(url, '/')
  assert.match(String(reply.headers['content-security-policy']), /default-src 'self'.*frame-ancestors 'none'/)
  assert.equal(reply.headers['referrer-policy'], 'strict-origin-when-cross-origin')
  assert.deepEqual(reply.headers['set-cookie'], ['c=1', 'a=2', 'b=1'])
  assert.equal(reply.headers['cache-control'], 'no-store')
  assert.equal((await send(url, '/own')).headers['content-security-policy'], "default-src 'none'")
})

test('HEAD, 204, 304, empty and streamed bodies are whole answers on one connection', async (t) => {
  const { port } = await site(t, (request) => {
    const { pathname } = new URL(request.url)
    if (pathname === '/none') return new Response(null, { status: 204 })
    if (pathname === '/same') return new Response(null, { status: 304, headers: { etag: '"1"' } })
    if (pathname === '/null') return new Response(null)
    if (pathname === '/stream') return new Response(new Blob(['ab', 'cd']).stream())
    return new Response('text')
  })
  const ask = (method: string, path: string, more = '') =>
    `${method} ${path} HTTP/1.1\r\nhost: a\r\n${more}\r\n`
  const all = await raw(
    port,
    ask('HEAD', '/') +
      ask('GET', '/none') +
      ask('GET', '/same') +
      ask('GET', '/null') +
      ask('HEAD', '/stream') +
      ask('GET', '/stream') +
      ask('GET', '/', 'connection: close\r\n'),
  )
  const statuses = [...all.matchAll(/HTTP\/1\.1 (\d+)/g)].map((match) => match[1])
  assert.deepEqual(statuses, ['200', '204', '304', '200', '200', '200', '200'])
  assert.ok(all.endsWith('\r\n\r\ntext'))
  const [head = '', none = '', same = '', empty = '', , stream = ''] = all.split(/(?=HTTP\/1\.1)/)
  assert.match(head, /content-length: 4\r\n[\s\S]*\r\n\r\n$/)
  assert.doesNotMatch(none + same, /content-length|transfer-encoding/i)
  assert.match(empty, /content-length: 0/)
  assert.match(stream, /4\r\nabcd\r\n|2\r\nab\r\n2\r\ncd\r\n/)
})

test('a stream that fails breaks the connection, and is logged once', async (t) => {
  const { port, line, lines } = await site(t, () => {
    let sent = false
    return new Response(
      new ReadableStream({
        pull(controller) {
          if (sent) throw new Error('the source broke')
          sent = true
          controller.enqueue(new TextEncoder().encode('half'))
        },
      }),
    )
  })
  const all = await raw(port, 'GET / HTTP/1.1\r\nhost: a\r\n\r\n')
  assert.match(all, /^HTTP\/1\.1 200 /)
  // Without the last chunk the client knows that this is not all.
  assert.ok(!all.includes('0\r\n\r\n') && !all.includes('broke'))
  const logged = await line(({ level }) => level === 'error')
  assert.match(JSON.stringify(logged), /the source broke/)
  assert.equal((await line(({ msg }) => msg === 'request')).status, 499)
  assert.equal(lines.filter(({ level }) => level === 'error').length, 1)
})

test('a stream whose reader leaves is cancelled, and the signal says so', async (t) => {
  const cancelled = Promise.withResolvers<unknown>()
  const aborted = Promise.withResolvers<void>()
  const { port } = await site(t, (request) => {
    request.signal.addEventListener('abort', () => aborted.resolve())
    return new Response(
      new ReadableStream({
        start: (controller) => controller.enqueue(new TextEncoder().encode('data: 1\n\n')),
        cancel: (reason) => cancelled.resolve(reason),
      }),
    )
  })
  const socket = connect(port, '127.0.0.1')
  socket.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n')
  await once(socket, 'data')
  socket.destroy()
  await aborted.promise
  assert.match(String(await cancelled.promise), /client closed/)
})

class Teapot extends TenfoldError {
  readonly code = 'TENFOLD_TEAPOT' as ErrorCode
  override readonly status = 418
  override readonly retryAfterSeconds = 2.2
}

test('errors become problem details: known ones as they are, others without their insides', async (t) => {
  const { url, line } = await site(t, async (request) => {
    if (request.url.endsWith('/known')) throw new Teapot('No <coffee>.', 'Drink tea.')
    throw new Error('password of the database is xyzzy')
  })
  const known = await send(url, '/known')
  assert.equal(known.status, 418)
  assert.equal(known.headers['content-type'], 'application/problem+json')
  assert.equal(known.headers['retry-after'], '3')
  assert.deepEqual(JSON.parse(known.body), {
    type: '/docs/errors.md#tenfold_teapot',
    title: "I'm a Teapot",
    status: 418,
    detail: 'No <coffee>. Drink tea.',
    code: 'TENFOLD_TEAPOT',
    requestId: known.headers['tenfold-request'],
  })
  const unknown = await send(url, '/')
  assert.equal(unknown.status, 500)
  assert.doesNotMatch(unknown.body, /xyzzy/)
  assert.equal(JSON.parse(unknown.body).type, 'about:blank')
  const logged = await line(({ level }) => level === 'error')
  assert.match(JSON.stringify(logged.error), /xyzzy.*handler\.engine\.test/)
  const page = await send(url, '/known', { headers: { accept: 'text/html,*/*;q=0.8' } })
  assert.match(page.body, /<html lang="en">[\s\S]*No &lt;coffee&gt;\./)
  assert.match(String(page.headers['content-security-policy']), /default-src 'none'/)
})

test('an answer that is too late is a 503, the signal aborts, and the late answer goes nowhere', async (t) => {
  const clock = new TestClock()
  const late = Promise.withResolvers<Response>()
  const { url } = await site(
    t,
    (request) => {
      request.signal.addEventListener('abort', () => late.resolve(new Response('late')))
      queueMicrotask(() => void clock.advance(40_000))
      return late.promise
    },
    { clock },
  )
  const reply = await send(url, '/')
  assert.equal(reply.status, 503)
  assert.equal(JSON.parse(reply.body).code, 'TENFOLD_REQUEST_DEADLINE')
  assert.equal(reply.headers['retry-after'], '1')
})

test('the signal aborts when the client leaves before its answer', async (t) => {
  const asked = Promise.withResolvers<AbortSignal>()
  const { port, line } = await site(t, (request) => {
    asked.resolve(request.signal)
    return new Promise<Response>(() => {})
  })
  const socket = connect(port, '127.0.0.1')
  socket.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n')
  const signal = await asked.promise
  const aborted = once(signal, 'abort')
  socket.destroy()
  await aborted
  assert.equal((await line(({ msg }) => msg === 'request')).status, 499)
})

test('a request id is believed from a trusted proxy only, and not taken for fresh; so are address and scheme', async (t) => {
  const id = '018f4f6e-0000-7abc-8def-0123456789ab'
  const headers = {
    'tenfold-request': id,
    'x-forwarded-for': '6.6.6.6, 203.0.113.9',
    'x-forwarded-proto': 'https',
  }
  const seen = (request: Request, context?: RequestContext) =>
    json([new URL(request.url).protocol, context?.http?.clientAddress, context?.fresh])
  const plain = await site(t, (request) => seen(request, plain.contexts.current()))
  const stranger = await send(plain.url, '/', { headers })
  assert.notEqual(stranger.headers['tenfold-request'], id)
  assert.deepEqual(JSON.parse(stranger.body), ['http:', '127.0.0.1', true])
  assert.equal(stranger.headers['strict-transport-security'], undefined)
  const trusting = await site(t, (request) => seen(request, trusting.contexts.current()), {
    trustedProxies: ['127.0.0.0/8'],
  })
  const known = await send(trusting.url, '/', { headers })
  assert.equal(known.headers['tenfold-request'], id)
  assert.deepEqual(JSON.parse(known.body), ['https:', '203.0.113.9', false])
  assert.match(String(known.headers['strict-transport-security']), /max-age=/)
})

test('a trace is passed on with a span of its own; what is no trace is ignored', async (t) => {
  const { url, contexts } = await site(t, () => json(contexts.current()?.http?.trace))
  const traceId = '4bf92f3577b34da6a3ce929d0e0e4736'
  const traceparent = `00-${traceId}-00f067aa0ba902b7-01`
  const reply = await send(url, '/', { headers: { traceparent } })
  const trace = JSON.parse(reply.body)
  assert.deepEqual([trace.traceId, trace.parentId, trace.sampled], [traceId, '00f067aa0ba902b7', true])
  assert.equal(reply.headers.traceparent, `00-${traceId}-${trace.spanId}-01`)
  for (const bad of [
    '',
    'x',
    `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`,
    `ff-${traceId}-00f067aa0ba902b7-01`,
  ]) {
    const own = await send(url, '/', { headers: { traceparent: bad } })
    assert.equal(JSON.parse(own.body).traceId, String(own.headers['tenfold-request']).replaceAll('-', ''))
  }
})

test('an app may copy headers that describe another connection', async (t) => {
  const { url } = await site(
    t,
    () =>
      new Response('x', {
        headers: {
          'transfer-encoding': 'chunked',
          connection: 'upgrade',
          'tenfold-request': 'forged',
          'x-a': '1',
        },
      }),
  )
  const reply = await send(url, '/')
  assert.deepEqual([reply.body, reply.headers['x-a'], reply.headers.connection], ['x', '1', 'close'])
  assert.ok(isUuid(String(reply.headers['tenfold-request'])))
})
