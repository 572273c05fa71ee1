import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decideTakeover } from './takeover.ts'

const wanted = { port: 5432, socketDir: '/run/c0', sameSettings: true }

test('a running server is adopted only if it is what we would start', () => {
  for (const status of ['starting', 'ready', 'standby', 'unknown'] as const) {
    const file = { status, port: 5432, socketDir: '/run/c0' }
    assert.equal(decideTakeover(file, wanted), 'adopt')
    assert.equal(decideTakeover(file, { ...wanted, sameSettings: false }), 'restart')
    assert.equal(decideTakeover({ ...file, port: 5433 }, wanted), 'restart')
    assert.equal(decideTakeover({ ...file, socketDir: '/elsewhere' }, wanted), 'restart')
  }
})

test('one that is stopping is never adopted', () => {
  for (const sameSettings of [true, false])
    assert.equal(
      decideTakeover({ status: 'stopping', port: 5432, socketDir: '/run/c0' }, { ...wanted, sameSettings }),
      'await its end',
    )
})
