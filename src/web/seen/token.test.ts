import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { formatSeen, type Seen } from '../../core/seen.ts'
import { expiringLine, keepingLine, seenCookies } from './cookies.ts'
import { isWellFormed, SeenTokens } from './token.ts'

const [OLD, NEW] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)]
const SEEN: Seen = {
  clusters: new Map([
    ['c0', { timeline: 1, wrote: 0x3000148n, read: 0n, copied: 0n }],
    ['c1', { timeline: 12, wrote: 0n, read: 0xa0000000bn, copied: 0n }],
  ]),
  directoryEpoch: 3,
}

test('a token is read back, and says in plain text what it holds', () => {
  const tokens = new SeenTokens([NEW])
  const token = tokens.sign(SEEN)
  assert.match(token, /^3~c0:1:0\/3000148:0\/0~c1:12:0\/0:A\/B\.[\w-]{22}$/)
  assert.deepEqual(tokens.verify(token), SEEN)
  assert.deepEqual(new SeenTokens([NEW]).verify(token), SEEN)
})

test('the newest key signs, all verify, and one that is gone verifies nothing', () => {
  const before = new SeenTokens([OLD]).sign(SEEN)
  const during = new SeenTokens([NEW, OLD])
  assert.deepEqual(during.verify(before), SEEN)
  assert.deepEqual(new SeenTokens([NEW]).verify(during.sign(SEEN)), SEEN)
  assert.equal(new SeenTokens([NEW]).verify(before), undefined)
})

test('no change of a single character passes (case 16)', () => {
  const tokens = new SeenTokens([NEW])
  const token = tokens.sign(SEEN)
  tokens.verify(token)
  for (let at = 0; at < token.length; at++) {
    for (const other of ['0', 'A', '~', '']) {
      const forged = token.slice(0, at) + other + token.slice(at + 1)
      if (forged !== token) assert.equal(tokens.verify(forged), undefined, forged)
    }
  }
})

test('garbage of any kind is no token', () => {
  const tokens = new SeenTokens([NEW])
  fc.assert(fc.property(fc.string(), (text) => tokens.verify(text) === undefined))
  const signature = 'a'.repeat(22)
  for (const text of [
    '',
    '.',
    `.${signature}`,
    `3.${signature}`,
    `${formatSeen(SEEN)}.`,
    `3~c0:1:0/1:0/1;.${signature}`,
    'x'.repeat(1e6),
  ])
    assert.equal(tokens.verify(text), undefined)
  assert.equal(isWellFormed(`${'3~'.repeat(2_000)}.${signature}`), false)
})

test('cookies are found by their prefix, and no other name', () => {
  const header =
    'a=1; tenfold-seen-x_-1=t1;tenfold-seen-b = t2 ; tenfold-seen-=no; tenfold-seen-a b=no; xtenfold-seen-c=no; __Host-tenfold-seen-d=t3; tenfold-seen-e'
  assert.deepEqual(
    seenCookies(header, false).map(({ name, value }) => `${name}:${value}`),
    ['tenfold-seen-x_-1:t1', 'tenfold-seen-b:t2'],
  )
  assert.deepEqual(seenCookies(header, true), [{ name: '__Host-tenfold-seen-d', value: 't3' }])
  assert.deepEqual(seenCookies(undefined, true), [])
  fc.assert(
    fc.property(fc.string(), fc.boolean(), (text, secure) => Array.isArray(seenCookies(text, secure))),
  )
})

test('the lines are those of DESIGN.md', () => {
  assert.equal(
    keepingLine('e', 't', false),
    'tenfold-seen-e=t; Path=/; HttpOnly; SameSite=Lax; Max-Age=86400',
  )
  assert.equal(
    keepingLine('e', 't', true),
    '__Host-tenfold-seen-e=t; Path=/; HttpOnly; SameSite=Lax; Max-Age=86400; Secure',
  )
  assert.equal(expiringLine('tenfold-seen-e', false), 'tenfold-seen-e=; Path=/; Max-Age=0')
  assert.equal(
    expiringLine('__Host-tenfold-seen-e', true),
    '__Host-tenfold-seen-e=; Path=/; Max-Age=0; Secure',
  )
})
