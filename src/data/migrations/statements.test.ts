import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { controlsTransaction, statementsOf } from './statements.ts'

const split = (text: string): string[] => [...statementsOf(text)].map((statement) => statement.text)

test('a semicolon ends a statement unless something encloses it', () => {
  const whole = [
    "insert into a values ('it''s; fine')",
    `select "odd;""name"`,
    "select E'back\\\\slash \\'; quote'';' , 1",
    "select e'\\\\'",
    "select some'x;'",
    'select $$ ; $not$ ; $$',
    'do $body$ begin perform $$;$$; end $body$',
    'select a$b$c from t',
    'select $1',
    'create rule r as on insert to a do (insert into b values (1); insert into c values (2))',
    'select 1 /* ; /* ; */ ; */ + 1',
    'select 1 -- ; no\n + 1',
    'create or replace function f() returns int language sql begin atomic select 1; select case when true then 1 end; end',
    'create procedure p() begin atomic; end',
    'select 1 as begin',
    "select 'Zürich', 名前 from t",
    'select 1e5, 1_000, 0xff',
    "select u&'\\0041;'",
  ]
  assert.deepEqual(split(`${whole.join(' ;\n')}\n`), whole)
})

test('comments and blanks around statements are left out, and offsets point into the text', () => {
  const text = '-- head\n ;; /* x */ select 1 ;\n\n-- tail\n\tselect 2'
  const found = [...statementsOf(text)]
  assert.deepEqual(
    found.map((statement) => statement.text),
    ['select 1', 'select 2'],
  )
  for (const { text: statement, offset } of found) assert(text.startsWith(statement, offset))
})

test('what is left open becomes one last statement', () => {
  for (const open of [
    "select 'x; select 2",
    'select "x; y',
    'select $a$ ; $b$',
    "select e'\\",
    'select (1; 2',
  ])
    assert.deepEqual(split(`select 1; ${open}`), ['select 1', open])
  assert.deepEqual(split('select 1; /* never ; closed'), ['select 1'])
})

test('any text is split without loss of what is not blank, comment or semicolon', () => {
  const piece = fc.constantFrom(
    "'",
    '"',
    '$$',
    '$a$',
    ';',
    '(',
    ')',
    '--',
    '\n',
    '/*',
    '*/',
    "e'",
    '\\',
    'begin',
    'end',
    ' x ',
    '1',
  )
  fc.assert(
    fc.property(fc.array(piece), (pieces) => {
      const text = pieces.join('')
      let end = 0
      for (const { text: statement, offset } of statementsOf(text)) {
        assert(offset >= end)
        assert.equal(text.slice(offset, offset + statement.length), statement)
        end = offset + statement.length
      }
    }),
  )
})

test('transaction control is told from savepoints and look-alikes', () => {
  const controls = (text: string): boolean => controlsTransaction([...statementsOf(text)][0]!)
  for (const text of [
    'BEGIN',
    'start transaction',
    'commit',
    'END',
    'abort',
    'rollback',
    'rollback work',
    'prepare transaction $$x$$',
    'commit prepared $$x$$',
  ])
    assert(controls(text), text)
  for (const text of [
    'savepoint a',
    'rollback to a',
    'rollback to savepoint a',
    'rollback work to a',
    'release a',
    'prepare q as select 1',
  ])
    assert(!controls(text), text)
})
