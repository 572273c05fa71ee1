import assert from 'node:assert/strict'
import { test } from 'node:test'
import { KnownServer, limitsTransactions } from './session-settings.ts'

const WRITES = { jit: 'off', transaction_timeout: '10000' }
const UPKEEP = { ...WRITES, statement_timeout: '5000' }
const READS = { jit: 'off' }

/** What a server before 17 says at the start of a session, in any language but for the quoted name. */
const refusal = (name = 'transaction_timeout', code = '42704'): Error =>
  Object.assign(new Error(`Konfigurationsparameter »${name}« unbekannt`), { code, severity: 'FATAL' })

test('a server of unknown age is asked for everything', () => {
  const server = new KnownServer()
  assert.equal(server.fit(WRITES), WRITES)
  assert.ok(limitsTransactions(server.fit(WRITES)))
})

test('one that has refused gets what comes nearest; a stricter limit of the session stays', () => {
  const server = new KnownServer()
  assert.ok(server.refused(refusal(), WRITES))
  const limits = { statement_timeout: '10000', idle_in_transaction_session_timeout: '10000' }
  assert.deepEqual(server.fit(WRITES), { jit: 'off', ...limits })
  assert.deepEqual(server.fit(UPKEEP), { jit: 'off', ...limits, statement_timeout: '5000' })
  assert.equal(server.fit(READS), READS)
  assert.ok(!limitsTransactions(server.fit(WRITES)))
})

test('sessions that were refused at once are all tried again, each only once', () => {
  const server = new KnownServer()
  assert.ok(server.refused(refusal(), WRITES))
  assert.ok(server.refused(refusal(), WRITES), 'its settings were sent before the first answer came')
  assert.ok(!server.refused(refusal(), server.fit(WRITES)), 'what was not asked for cannot be the reason')
})

test('any other refusal is none of this', () => {
  const server = new KnownServer()
  for (const error of [
    refusal('jit'),
    refusal('transaction_timeout', '28P01'),
    new Error('transaction_timeout'),
  ])
    assert.ok(!server.refused(error, WRITES))
  assert.equal(server.fit(WRITES), WRITES)
})

test('the version that a session tells counts from then on, both ways', () => {
  const server = new KnownServer()
  server.told('15.18 (Debian 15.18-0+deb12u1)')
  assert.ok(!limitsTransactions(server.fit(WRITES)))
  for (const version of ['17.0', '18beta1', '18.4 (Ubuntu 18.4-1)', '19devel']) {
    server.told('16.9')
    server.told(version)
    assert.equal(server.fit(WRITES), WRITES, version)
  }
})
