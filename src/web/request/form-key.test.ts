import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BadIdempotencyKey } from '../errors.ts'
import { formIdempotencyKey } from './form-key.ts'

const FORM = 'application/x-www-form-urlencoded'
const key = (body: string, type: string | undefined = FORM) => formIdempotencyKey(type, Buffer.from(body))

test('the same form under the same key is the same request', () => {
  const body = 'text=fog&_idempotency_key=k1'
  assert.match(key(body)!, /^form:[\w-]{43}:k1$/)
  assert.equal(key(body), key(body, 'Application/X-WWW-Form-Urlencoded; charset=utf-8'))
})

test('another key, or something else typed, is another request', () => {
  const keys = [
    'text=fog&_idempotency_key=k1',
    'text=fog&_idempotency_key=k2',
    'text=dog&_idempotency_key=k1',
  ]
  assert.equal(new Set(keys.map((body) => key(body))).size, 3)
})

test('only forms have such keys, and only when they say so', () => {
  assert.equal(key('text=fog'), undefined)
  assert.equal(key('x_idempotency_key=k1'), undefined)
  assert.equal(key('text=%5Fidempotency_key%3Dk1'), undefined)
  assert.equal(formIdempotencyKey(undefined, Buffer.from('_idempotency_key=k1')), undefined)
  assert.equal(key('_idempotency_key=k1', 'application/json'), undefined)
  assert.equal(key('_idempotency_key=k1', 'application/x-www-form-urlencodedness'), undefined)
})

test('a field that is no key is told', () => {
  for (const value of ['', 'a%20b', 'a'.repeat(256), '%00', '%F0%9F%92%A5'])
    assert.throws(() => key(`_idempotency_key=${value}`), BadIdempotencyKey, value)
})

test('a body that is a part of a larger buffer is read alone', () => {
  const whole = Buffer.from('xx_idempotency_key=k1yy')
  assert.match(formIdempotencyKey(FORM, whole.subarray(2, -2))!, /:k1$/)
})
