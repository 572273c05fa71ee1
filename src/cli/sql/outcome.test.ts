import assert from 'node:assert/strict'
import { test } from 'node:test'
import { explainSql } from './explain.ts'
import { outcomeText } from './outcome.ts'

const outcome = {
  command: 'SELECT',
  rowCount: 2,
  fields: [{ name: 'id' }, { name: 'id' }, { name: 'data' }],
  rows: [
    ['1', null, { a: 1 }],
    ['22', new Date(0), 'x\ny'],
  ],
}

test('rows as a table; two columns of one name both show', () => {
  assert.equal(
    outcomeText(outcome, false),
    [
      'id  id                        data',
      '--  ------------------------  -------',
      '1                             {"a":1}',
      '22  1970-01-01T00:00:00.000Z  x·y',
      '(2 rows)',
    ].join('\n'),
  )
})

test('rows as JSON, one object a line; statements without rows as their tag', () => {
  assert.equal(
    outcomeText({ ...outcome, fields: [{ name: 'n' }], rows: [[1], [2]] }, true),
    '{"n":1}\n{"n":2}',
  )
  assert.equal(outcomeText({ command: 'INSERT', rowCount: 3, fields: [], rows: [] }, false), 'INSERT 3')
})

test('a refused change says how to allow it', () => {
  assert.match(
    explainSql(Object.assign(new Error('cannot execute INSERT'), { code: '25006' })),
    /add --write/,
  )
})
