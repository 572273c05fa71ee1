import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { localPath } from './paths.ts'

test('a path of this site is kept, with its query and fragment', () => {
  assert.equal(localPath('/@ada?before=x#p-1', '/'), '/@ada?before=x#p-1')
  assert.equal(localPath(undefined, '/home'), '/home')
  assert.equal(localPath('', '/home'), '/home')
})

test('whatever leads elsewhere is not followed', () => {
  for (const value of [
    '//evil.example',
    '/\\evil.example',
    '\\\\evil.example',
    '/\t/evil.example',
    'https://evil.example/',
    'javascript:alert(1)',
    '/.//evil.example',
    '/%2e//evil.example',
    '/a/..//evil.example',
    `/${'a'.repeat(1000)}`,
  ]) {
    assert.equal(localPath(value, '/'), '/', value)
  }
})

test('what is returned is always read as a path of this site', () => {
  const piece = fc.constantFrom('/', '\\', '.', '..', '%2e', 'a', '?', '#', ':', '@', '\t', '\n', ' ', 'http')
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 9 }), (pieces) => {
      const path = localPath(pieces.join(''), '/')
      assert.equal(new URL(path, 'https://lightbox.example').origin, 'https://lightbox.example')
      assert.ok(!/[\r\n\t]/.test(path))
    }),
  )
})
