import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { raw, site } from '../fixtures/site.ts'

/** Each answer on a connection: head lines without those that differ each time, and the body. */
function answers(all: string): { lines: string[]; body: string }[] {
  const found: { lines: string[]; body: string }[] = []
  for (let at = 0; at < all.length; ) {
    const end = all.indexOf('\r\n\r\n', at)
    const head = all.slice(at, end).toLowerCase()
    const length = Number(/content-length: (\d+)/.exec(head)?.[1])
    const lines = head
      .split('\r\n')
      .map((line) => line.replace(/^(tenfold-request|server-timing|date): .+/, '$1'))
    at = end + 4 + length
    found.push({ lines: lines.sort(), body: all.slice(end + 4, at) })
  }
  return found
}

const values = fc.constantFrom(
  'a',
  'text/plain',
  'text/html; charset=utf-8',
  'no-store',
  'application/json',
  'x y',
  '12',
)
const names = fc.constantFrom(
  'Content-Type',
  'cache-control',
  'ETag',
  'x-a',
  'connection',
  'server-timing',
  'content-security-policy',
  'referrer-policy',
  'x-content-type-options',
  'transfer-encoding',
  'tenfold-seen',
)

test('the fast way says exactly what the ordinary way says', async (t) => {
  let headers: Record<string, string> = {}
  let body = ''
  const { port, line } = await site(t, (request) =>
    // A list instead of a record takes the ordinary way.
    new URL(request.url).pathname === '/fast'
      ? new Response(body, { headers })
      : new Response(body, { headers: new Headers(headers) }),
  )
  const ask = (path: string) =>
    raw(
      port,
      `GET ${path} HTTP/1.1\r\nhost: a\r\nconnection: keep-alive\r\n\r\nGET ${path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n`,
    )
  await fc.assert(
    fc.asyncProperty(
      fc.dictionary(names, values, { maxKeys: 4 }),
      fc.string({ unit: 'binary' }),
      async (given, text) => {
        headers = { ...given }
        body = text
        const [fast, ordinary] = await Promise.all([ask('/fast'), ask('/ordinary')])
        assert.equal(answers(fast).length, 2)
        assert.deepEqual(answers(fast), answers(ordinary))
      },
    ),
    { numRuns: 200 },
  )
  const logged = await line(({ path }) => path === '/fast')
  assert.deepEqual(Object.keys(logged), [
    'level',
    'time',
    'requestId',
    'method',
    'path',
    'status',
    'ms',
    'bytes',
    'client',
    'msg',
  ])
})

test('bytes are those of UTF-8, whatever the text', async (t) => {
  const texts = ['', 'plain', 'é', '漢字 and 🙂', '\u0080']
  const { port } = await site(
    t,
    (request) => new Response(texts[Number(new URL(request.url).searchParams.get('n'))]),
  )
  for (const [n, text] of texts.entries()) {
    const answer = Buffer.from(
      await raw(port, `GET /?n=${n} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n`),
      'latin1',
    ).toString()
    assert.ok(answer.endsWith(`\r\n\r\n${text}`), answer)
    assert.match(answer, new RegExp(`content-length: ${Buffer.byteLength(text)}\r\n`, 'i'))
  }
})
