import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { test } from 'node:test'
import { TestClock } from '../testing/clock.ts'
import { raw, send, site } from './fixtures/site.ts'
import type { Fetch } from './options.ts'

const echo: Fetch = async (request) => Response.json([request.method, request.url, await request.text()])
const REST = 'GET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n'

/** FAULTS case 42. What Node's strict parser leaves to us is marked. */
const REFUSED: Record<string, string> = {
  'content-length and transfer-encoding': `POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n${REST}`,
  'transfer-encoding and content-length': `POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n0\r\n\r\n${REST}`,
  'two content-lengths': `POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\ncontent-length: ${REST.length}\r\n\r\n${REST}`,
  'two equal content-lengths': `POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\ncontent-length: 0\r\n\r\n${REST}`,
  'a list of content-lengths': `POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 0, 5\r\n\r\n${REST}`,
  'a negative content-length': `POST / HTTP/1.1\r\nhost: a\r\ncontent-length: -1\r\n\r\n${REST}`,
  'a content-length with a sign': `POST / HTTP/1.1\r\nhost: a\r\ncontent-length: +5\r\n\r\nhello`,
  'an endless content-length': `POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 99999999999999999999\r\n\r\n`,
  'chunked not last': `POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n${REST}`,
  'an unknown coding': `POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: xchunked\r\n\r\n0\r\n\r\n${REST}`,
  'a blank before the colon': `GET / HTTP/1.1\r\nhost : a\r\n\r\n`,
  'a blank before the colon of transfer-encoding': `POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding : chunked\r\n\r\n0\r\n\r\n`,
  'a folded header': `GET / HTTP/1.1\r\nhost: a\r\nx: b\r\n c\r\n\r\n`,
  'bare line feeds': `GET / HTTP/1.1\nhost: a\n\n`,
  'a bare line feed after a header': `GET / HTTP/1.1\r\nhost: a\nx: y\r\n\r\n`,
  'a bare carriage return': `GET / HTTP/1.1\r\nhost: a\rx: y\r\n\r\n`,
  'a NUL in a header': `GET / HTTP/1.1\r\nhost: a\r\nx: b\0c\r\n\r\n`,
  'a chunk size with a sign': `POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n+5\r\nhello\r\n0\r\n\r\n`,
  'a chunk ended by a line feed': `POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n5\nhello\n0\n\n`,
  'no host': `GET / HTTP/1.1\r\n\r\n`,
  'two hosts (ours)': `GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n`,
  'no version': `GET /\r\n\r\n`,
  'a version of the future': `GET / HTTP/9.9\r\nhost: a\r\n\r\n`,
  'a blank in the target': `GET /a b HTTP/1.1\r\nhost: a\r\n\r\n`,
  'a NUL in the target': `GET /a\0b HTTP/1.1\r\nhost: a\r\n\r\n`,
  'a host that is none (ours)': `GET / HTTP/1.1\r\nhost: a b\r\n\r\n`,
  'a path in the host (ours)': `GET / HTTP/1.1\r\nhost: a/b\r\n\r\n`,
  'credentials in the host (ours)': `GET / HTTP/1.1\r\nhost: u:p@a\r\n\r\n`,
  'a port that is none (ours)': `GET / HTTP/1.1\r\nhost: a:99999\r\n\r\n`,
  'percent-encoding that is none (ours)': `GET /%zz HTTP/1.1\r\nhost: a\r\n\r\n`,
  'percent-encoded bytes that are no UTF-8 (ours)': `GET /%ff HTTP/1.1\r\nhost: a\r\n\r\n`,
  'an overlong slash (ours)': `GET /%c0%af HTTP/1.1\r\nhost: a\r\n\r\n`,
  'an encoded NUL (ours)': `GET /%00 HTTP/1.1\r\nhost: a\r\n\r\n`,
  'a backslash (ours)': `GET /a\\b HTTP/1.1\r\nhost: a\r\n\r\n`,
  'an absolute target that is no URL (ours)': `GET http://[ HTTP/1.1\r\nhost: a\r\n\r\n`,
  'an absolute target with credentials (ours)': `GET http://u:p@a/ HTTP/1.1\r\nhost: a\r\n\r\n`,
  'an asterisk (ours)': `OPTIONS * HTTP/1.1\r\nhost: a\r\n\r\n`,
  'headers without end': `GET / HTTP/1.1\r\nhost: a\r\nx: ${'a'.repeat(20_000)}`,
  'no HTTP at all': `\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03`,
}

for (const [name, bytes] of Object.entries(REFUSED))
  test(`refused: ${name}`, async (t) => {
    let served = 0
    const { port } = await site(t, (request) => {
      served++
      return echo(request)
    })
    // Whoever keeps its connection after a refusal closes it at this request.
    const closing = 'GET /end HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n'
    const [first = '', ...more] = (await raw(port, Buffer.from(bytes + closing, 'latin1'))).split(
      /(?=HTTP\/1\.1 )/,
    )
    assert.match(first, /^HTTP\/1\.1 (400|431|501|505) /)
    assert.ok(!first.includes('smuggled'))
    assert.ok(
      more.every((reply) => reply.includes('/end') || reply.startsWith('HTTP/1.1 400')),
      more.join(),
    )
    assert.ok(served <= 1)
  })

test('targets that are unusual but right', async (t) => {
  const { url } = await site(t, echo)
  const cases: [string, string][] = [
    ['/a/../b', '/b'],
    ['/a/./b', '/a/b'],
    ['/%2e%2e/c', '/c'],
    ['//evil.test/x', '//evil.test/x'],
    ["/it's?q='%20x", "/it's?q=%27%20x"],
    ['/%E2%82%AC', '/%E2%82%AC'],
    ['/a%2Fb', '/a%2Fb'],
    ['/?a=%zz', '/?a=%zz'],
    ['/..', '/'],
    ['/a;b=c,d', '/a;b=c,d'],
    ['http://other.test/x?y', 'http://other.test/x?y'],
  ]
  for (const [path, expected] of cases) {
    const reply = await send(url, path)
    assert.equal(reply.status, 200, path)
    const seen = JSON.parse(reply.body)[1] as string
    assert.equal(expected.startsWith('http:') ? seen : seen.replace(url, ''), expected)
  }
})

test('a client without a Host header may speak HTTP/1.0', async (t) => {
  const { port } = await site(t, echo)
  assert.match(await raw(port, 'GET / HTTP/1.0\r\n\r\n'), /200 OK[\s\S]*http:\/\/localhost\//)
})

test('a body beyond the limit is a 413, announced or not, and its sender sees it', async (t) => {
  const { url, port } = await site(t, echo, { bodyBytesMax: 1_000 })
  const exact = await send(url, '/', { method: 'POST', body: 'x'.repeat(1_000) })
  assert.equal(exact.status, 200)
  for (const headers of [{ 'content-length': '3000000' }, { 'transfer-encoding': 'chunked' }]) {
    const reply = await send(url, '/', { method: 'POST', headers, body: 'x'.repeat(3_000_000) })
    assert.equal(reply.status, 413)
    assert.equal(JSON.parse(reply.body).code, 'TENFOLD_BODY_TOO_LARGE')
    assert.equal(reply.headers.connection, 'close')
  }
  assert.match(
    await raw(port, 'POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5000\r\n\r\n'),
    /^HTTP\/1\.1 413 /,
  )
})

test('a body that trickles is given up, one that flows is not', async (t) => {
  const clock = new TestClock()
  const { port } = await site(t, echo, { clock })
  const trickle = connect(port, '127.0.0.1')
  trickle.write('POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 500000\r\n\r\nx')
  const flow = connect(port, '127.0.0.1')
  flow.write(`POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 500000\r\n\r\n${'x'.repeat(400_000)}`)
  // A whole exchange after theirs: by then both were begun.
  await raw(port, 'GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n')
  const advanced = (async () => {
    for (let i = 0; i < 12; i++) await clock.advance(1_000)
  })()
  const [reply] = (await once(trickle, 'data')) as [Buffer]
  assert.match(reply.toString(), /^HTTP\/1\.1 408 [\s\S]*TENFOLD_BODY_TOO_SLOW/)
  await advanced
  flow.write('x'.repeat(100_000))
  assert.match(String((await once(flow, 'data'))[0]), /^HTTP\/1\.1 200 /)
  trickle.destroy()
  flow.destroy()
})

test('a client that leaves in the middle of its body never reaches the app', async (t) => {
  let served = 0
  const { port, line } = await site(t, () => new Response(String(served++)))
  const socket = connect(port, '127.0.0.1')
  socket.end('POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nhalf')
  socket.resume()
  const logged = await line(({ msg }) => msg === 'request')
  assert.ok(Number(logged.status) >= 400, JSON.stringify(logged))
  assert.equal(served, 0)
})

test('JSON that is none is a 400 by itself', async (t) => {
  const { url } = await site(t, async (request) => Response.json(await request.json()))
  const post = (body: string | Buffer) => send(url, '/', { method: 'POST', body })
  assert.deepEqual(JSON.parse((await post('{"a":"ü"}')).body), { a: 'ü' })
  for (const body of ['', '{', '{"a":1,}', Buffer.from([0x22, 0xff, 0x22]), 'undefined']) {
    const reply = await post(body)
    assert.equal(reply.status, 400)
    assert.equal(JSON.parse(reply.body).code, 'TENFOLD_BAD_JSON')
  }
})

test('a request read in every way gives the same', async (t) => {
  const { url } = await site(t, async (request) => {
    const copy = request.clone()
    const again = new Request(request, { headers: { 'x-a': '1' } })
    const form = await new Request(copy.url, copy).formData()
    return Response.json([
      await again.text(),
      again.headers.get('x-a'),
      form.get('a'),
      request.bodyUsed,
      request instanceof Request,
    ])
  })
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  const reply = await send(url, '/', { method: 'POST', headers, body: 'a=b' })
  assert.deepEqual(JSON.parse(reply.body), ['a=b', '1', 'b', true, true])
})

test('pages of other sites change nothing here', async (t) => {
  const { url, port } = await site(t, echo, { trustedOrigins: ['https://admin.test'] })
  const post = async (headers: Record<string, string>) =>
    (await send(url, '/', { method: 'POST', headers })).status
  const host = `127.0.0.1:${port}`
  assert.equal(await post({}), 200)
  assert.equal(await post({ origin: `http://${host}`, 'sec-fetch-site': 'same-origin' }), 200)
  assert.equal(await post({ origin: `https://${host}` }), 200)
  assert.equal(await post({ origin: 'https://admin.test', 'sec-fetch-site': 'cross-site' }), 200)
  assert.equal(await post({ 'sec-fetch-site': 'none' }), 200)
  for (const origin of [
    'https://evil.test',
    'null',
    `http://${host}.evil.test`,
    `http://${host}@evil.test`,
    'x',
    `ftp://${host}`,
    '',
  ])
    assert.equal(await post({ origin }), 403, origin)
  assert.equal(await post({ 'sec-fetch-site': 'cross-site' }), 403)
  assert.equal(await post({ 'sec-fetch-site': 'same-site' }), 403)
  assert.equal(await post({ origin: 'https://evil.test', authorization: 'Bearer x' }), 200)
  assert.equal(await post({ origin: 'https://evil.test', authorization: 'Basic x' }), 403)
  const get = await send(url, '/', { headers: { origin: 'https://evil.test' } })
  assert.equal(get.status, 200)
})
