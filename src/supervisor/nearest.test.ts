import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nearest } from './nearest.ts'

const KNOWN = ['port', 'consolePort', 'data', 'database', 'signingKeys']

test('finds what was meant', () => {
  assert.equal(nearest('prot', KNOWN), 'port')
  assert.equal(nearest('consoleport', KNOWN), 'consolePort')
  assert.equal(nearest('databse', KNOWN), 'database')
  assert.equal(nearest('signing_keys', KNOWN), 'signingKeys')
})

test('does not guess wildly', () => {
  assert.equal(nearest('elephant', KNOWN), undefined)
  assert.equal(nearest('x', ['port']), undefined)
})
