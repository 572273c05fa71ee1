import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decideFolder, type FolderFacts } from './folder.ts'
import type { DataRecord } from './record.ts'

const MAJOR = 18
const outcome = (facts: Omit<FolderFacts, 'path'>, record: DataRecord | undefined): string => {
  try {
    return decideFolder({ path: '/data', ...facts }, record, MAJOR)
  } catch (error) {
    return (error as { code: string }).code
  }
}

const record = (state: DataRecord['state']): DataRecord => ({
  format: 1,
  state,
  pgMajor: MAJOR,
  createdBy: 'test',
})

/** Every combination of what can be found. */
function* everyCase(): Generator<[Omit<FolderFacts, 'path'>, DataRecord | undefined]> {
  for (const kind of ['absent', 'empty', 'files'] as const)
    for (const pgVersion of kind === 'files' ? [undefined, '', '17', '18', '19'] : [undefined])
      for (const hasControlFile of kind === 'files' ? [true, false] : [false])
        for (const hasPassword of [true, false])
          for (const known of [undefined, record('initialising'), record('ready')])
            yield [{ kind, pgVersion, hasControlFile, hasPassword }, known]
}

test('a folder is made only where there are no files and no database ever was', () => {
  for (const [facts, known] of everyCase())
    assert.equal(outcome(facts, known) === 'initialise', facts.kind !== 'files' && known?.state !== 'ready')
})

test('a folder is opened only when it is whole, known and of this version', () => {
  for (const [facts, known] of everyCase()) {
    const whole = facts.pgVersion === '18' && facts.hasControlFile && facts.hasPassword && known !== undefined
    assert.equal(outcome(facts, known) === 'open', whole, JSON.stringify([facts, known]))
  }
})

test('everything else is refused by name', () => {
  const files = { kind: 'files', pgVersion: '18', hasControlFile: true, hasPassword: true } as const
  assert.equal(
    outcome({ ...files, kind: 'absent', pgVersion: undefined }, record('ready')),
    'TENFOLD_DATA_MISSING',
  )
  assert.equal(outcome({ ...files, pgVersion: undefined }, undefined), 'TENFOLD_DATA_UNKNOWN')
  assert.equal(outcome({ ...files, pgVersion: undefined }, record('ready')), 'TENFOLD_DATA_CORRUPT')
  assert.equal(outcome({ ...files, pgVersion: '' }, record('ready')), 'TENFOLD_DATA_CORRUPT')
  assert.equal(outcome({ ...files, pgVersion: '17' }, record('ready')), 'TENFOLD_DATA_VERSION')
  assert.equal(outcome({ ...files, pgVersion: '19' }, record('ready')), 'TENFOLD_DATA_VERSION')
  assert.equal(outcome({ ...files, hasControlFile: false }, record('ready')), 'TENFOLD_DATA_CORRUPT')
  assert.equal(outcome({ ...files, hasPassword: false }, record('ready')), 'TENFOLD_DATA_UNKNOWN')
  assert.equal(outcome(files, undefined), 'TENFOLD_DATA_UNKNOWN')
})
