import assert from 'node:assert/strict'
import { test } from 'node:test'
import { machineSize, parseCpuMax, parseLimit } from './machine.ts'

test('limits of control groups', () => {
  assert.equal(parseLimit(undefined), undefined)
  assert.equal(parseLimit('max'), undefined)
  assert.equal(parseLimit('-1'), undefined)
  assert.equal(parseLimit('9223372036854771712'), undefined, 'what version 1 says for none')
  assert.equal(parseLimit('536870912'), 536_870_912)
  assert.equal(parseCpuMax('150000 100000'), 1.5)
  assert.equal(parseCpuMax('max 100000'), undefined)
  assert.equal(parseCpuMax('-1 100000'), undefined)
})

test('this machine has a size', () => {
  const { cpu, memoryMb } = machineSize()
  assert.ok(cpu > 0 && memoryMb > 0)
})
