import assert from 'node:assert/strict'
import type { IncomingMessage, RequestListener } from 'node:http'
import { text } from 'node:stream/consumers'
import { type TestContext, test } from 'node:test'
import { createClient, type TestClient } from './client.ts'
import { TestClock } from './clock.ts'
import { InProcessServer, toRequest } from './exchange.ts'

const BASE = 'http://localhost'

function start(t: TestContext, listener: RequestListener, clock = new TestClock()) {
  const server = new InProcessServer(listener, false)
  t.after(() => server.close())
  const prepare: Parameters<typeof createClient>[1] = (input, init) => toRequest(BASE, input, init).request
  const send = (request: Request): Promise<Response> => server.fetch(new URL(request.url), request)
  return {
    fetch: (input: string, init = {}) => send(prepare(input, init)),
    client: (options = {}): TestClient => createClient(send, prepare, clock, options),
    clock,
  }
}

const echo: RequestListener = async (req: IncomingMessage, res) => {
  const body = await text(req)
  res.setHeader('content-type', 'application/json')
  res.end(
    JSON.stringify({
      method: req.method,
      url: req.url,
      headers: req.headers,
      body,
      address: req.socket.remoteAddress,
    }),
  )
}

interface Seen {
  readonly method: string
  readonly url: string
  readonly headers: Record<string, string | undefined>
  readonly body: string
  readonly address: string
}

const seenBy = async (response: Promise<Response>): Promise<Seen> => (await (await response).json()) as Seen

test('a request reaches the listener as the network would bring it', async (t) => {
  const { fetch } = start(t, echo)
  const seen = await seenBy(fetch('/a/b?c=%20d', { json: { x: 1 }, idempotencyKey: 'k', bearer: 't' }))
  assert.equal(seen.method, 'POST')
  assert.equal(seen.url, '/a/b?c=%20d')
  assert.equal(seen.body, '{"x":1}')
  assert.equal(seen.address, '127.0.0.1')
  assert.equal(seen.headers.host, 'localhost')
  assert.equal(seen.headers['content-type'], 'application/json')
  assert.equal(seen.headers['idempotency-key'], 'k')
  assert.equal(seen.headers.authorization, 'Bearer t')
  assert.equal(seen.headers.origin, undefined)
  const form = await seenBy(fetch('/', { method: 'PUT', body: new URLSearchParams({ a: 'ü' }) }))
  assert.equal(form.body, 'a=%C3%BC')
  assert.match(form.headers['content-type'] ?? '', /^application\/x-www-form-urlencoded/)
})

test('bodies without end stream, and an abort reaches the listener', async (t) => {
  const gone = Promise.withResolvers<void>()
  const { fetch } = start(t, (_req, res) => {
    res.once('close', () => gone.resolve())
    res.write('first')
  })
  const abort = new AbortController()
  const response = await fetch('/', { signal: abort.signal })
  const reader = response.body!.getReader()
  assert.equal(Buffer.from((await reader.read()).value!).toString(), 'first')
  abort.abort()
  await gone.promise
  await assert.rejects(reader.read())
})

test('a large upload and a large answer pass, and an early answer does not wait for the upload', async (t) => {
  const big = 'x'.repeat(3_000_000)
  const { fetch } = start(t, (req, res) =>
    req.url === '/early' ? res.writeHead(413).end('no') : void req.pipe(res),
  )
  assert.equal(await (await fetch('/', { method: 'POST', body: big })).text(), big)
  const early = await fetch('/early', { method: 'POST', body: big })
  assert.equal(early.status, 413)
  assert.equal(await early.text(), 'no')
})

test('status, headers and answers without a body come back as sent', async (t) => {
  const { fetch } = start(t, (req, res) => {
    res.writeHead(req.url === '/none' ? 204 : 303, { location: '/there', 'set-cookie': ['a=1', 'b=2'] })
    res.end()
  })
  const response = await fetch('/')
  assert.equal(response.status, 303)
  assert.deepEqual(response.headers.getSetCookie(), ['a=1', 'b=2'])
  assert.equal((await fetch('/none')).status, 204)
  assert.equal(await (await fetch('/', { method: 'HEAD' })).text(), '')
})

test('a listener that drops the connection is an error, not a hang', async (t) => {
  const { fetch } = start(t, (req) => void req.socket.destroy())
  await assert.rejects(fetch('/'))
  await assert.rejects(fetch('/', { method: 'POST', body: 'x'.repeat(1_000_000) }))
})

test('a client keeps cookies until they expire, shows its origin, and follows redirects when told to', async (t) => {
  const { client, clock } = start(t, (req, res) => {
    if (req.url === '/login')
      res.setHeader('set-cookie', ['s=1; HttpOnly; Max-Age=60', 'p=2; Path=/deep', 'old=; Max-Age=0'])
    if (req.url === '/login') return void res.writeHead(303, { location: '/home' }).end()
    return echo(req, res)
  })
  const ann = client({ headers: { 'accept-language': 'de' } })
  ann.cookies.set('old', 'x')
  const home = await seenBy(ann.fetch('/login', { method: 'POST', redirect: 'follow' }))
  assert.equal(home.method, 'GET')
  assert.equal(home.url, '/home')
  assert.equal(home.headers.cookie, 's=1')
  assert.equal(home.headers['accept-language'], 'de')
  assert.deepEqual(ann.cookies.names, ['s', 'p'])
  const deep = await seenBy(ann.fetch('/deep/er', { json: {} }))
  assert.equal(deep.headers.cookie, 's=1; p=2')
  assert.equal(deep.headers.origin, BASE)
  const ben = await seenBy(client({ bearer: 'b' }).fetch('/deep'))
  assert.equal(ben.headers.cookie, undefined)
  assert.equal(ben.headers.authorization, 'Bearer b')
  await clock.advance(61_000)
  assert.deepEqual(ann.cookies.names, ['p'])
  assert.equal(ann.cookies.get('s'), undefined)
})

test('a client does not run in circles', async (t) => {
  const { client } = start(t, (_req, res) => void res.writeHead(302, { location: '/again' }).end())
  await assert.rejects(client().fetch('/', { redirect: 'follow' }), /More than 10 redirects/)
})
