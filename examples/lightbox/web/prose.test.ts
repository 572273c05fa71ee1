import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isBrief, prose } from './prose.ts'

const render = (text: string): string => prose(text).map(String).join('')
const link = (href: string, shown: string): string =>
  `<a href="${href}" rel="nofollow ugc noopener">${shown}</a>`

test('markup is shown, never obeyed', () => {
  assert.equal(
    render(`<script>alert("1")</script> & 'x'`),
    '&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt; &amp; &#39;x&#39;',
  )
})

test('web addresses become links, without the sentence around them', () => {
  const url = 'https://example.org/a?b=1&c=2'
  const html = link('https://example.org/a?b=1&amp;c=2', 'example.org/a?b=1&amp;c=2')
  assert.equal(render(url), html)
  assert.equal(render(`See ${url}.`), `See ${html}.`)
  assert.equal(render(`(${url})`), `(${html})`)
  assert.equal(render('https://example.org/a_(b)'), link('https://example.org/a_(b)', 'example.org/a_(b)'))
  assert.equal(render('HTTP://Example.org/'), link('http://example.org/', 'Example.org'))
})

test('a long address is shown short and leads to the whole', () => {
  const url = `https://example.org/${'a'.repeat(100)}`
  assert.match(render(url), new RegExp(`^<a href="${url}" [^>]*>example\\.org/a{35}…</a>$`))
})

test('other schemes, hidden hosts and addresses that are none stay text', () => {
  for (const text of [
    'javascript:alert(1)',
    'data:text/html,x',
    'https://bank.example@evil.example/',
    'https://user:word@evil.example/',
    'http://',
    'https://[::1',
    'xhttps://example.org',
  ]) {
    assert.ok(!render(text).includes('<a '), text)
  }
})

test('a quote or a change of direction ends the address', () => {
  const quoted = render('https://example.org/"onmouseover="alert(1)')
  assert.equal(quoted, `${link('https://example.org/', 'example.org')}&quot;onmouseover=&quot;alert(1)`)
  assert.ok(render('https://example.org/\u202egpj.exe').includes('>example.org</a>\u202e'))
})

test('whatever is written: no tag but our links, and no text is lost', () => {
  const piece = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom('https://a.example/', '<b>', '"', "'", '&amp;', ')', '. ', 'javascript:', '\n'),
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
      const html = render(pieces.join(''))
      const rest = html.replaceAll(
        /<a href="https?:\/\/[^"<>]*" rel="nofollow ugc noopener">[^<>]*<\/a>/g,
        '',
      )
      assert.ok(!/[<>"']/.test(rest), html)
    }),
  )
})

test('brief texts are one short line', () => {
  assert.equal(isBrief('Fog.'), true)
  assert.equal(isBrief('Fog.\nRain.'), false)
  assert.equal(isBrief('a'.repeat(65)), false)
})
