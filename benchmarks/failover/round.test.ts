import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Contender, OutcomeUnknown } from './contender.ts'
import { audit, round } from './round.ts'

test('the audit finds what is lost and what is there twice', () => {
  assert.deepEqual(audit(['a', 'b', 'c'], ['a', 'b', 'c', 'unknown']), { lost: 0, doubled: 0 })
  assert.deepEqual(audit(['a', 'b', 'c'], ['a', 'c', 'c', 'c']), { lost: 1, doubled: 2 })
})

test('a contender that loses, doubles, forgets and fails is found out', async () => {
  const events: string[] = []
  let down: Promise<void> | undefined
  let up = () => {}
  const contender: Contender = {
    name: 'bad',
    rounds: 1,
    start: async () => {},
    stop: async () => {},
    write: async (id) => {
      await down
      if (id.endsWith('5')) throw new OutcomeUnknown('who knows')
      if (id.endsWith('6')) throw new Error('no')
      if (!id.endsWith('7')) events.push(id)
      if (id.endsWith('8')) events.push(id)
    },
    read: async (id) => {
      await down
      return events.includes(id)
    },
    killPrimary: async () => {
      down = new Promise((resolve) => {
        up = resolve
      })
    },
    redundant: async () => up(),
    written: async (prefix) => events.filter((id) => id.startsWith(prefix)),
  }
  const sample = await round(contender, 1, 500)
  const ended = (digit: string): number =>
    Array.from({ length: sample.writes }, (_, at) => String(at)).filter((at) => at.endsWith(digit)).length
  assert.equal(sample.unknownWrites, ended('5'))
  assert.equal(sample.failedWrites, ended('5') + ended('6'))
  assert.equal(sample.lost, ended('7'))
  assert.equal(sample.doubled, ended('8'))
  assert.ok(sample.missed > 0)
  assert.ok(
    sample.writes > 100 && sample.reads > 500,
    `${sample.writes} writes, ${sample.reads} reads in a second`,
  )
})
