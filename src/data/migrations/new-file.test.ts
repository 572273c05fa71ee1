import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { MigrationInvalid } from './errors.ts'
import { checkStatements, readFolder } from './folder.ts'
import { migrationFile, slugOf } from './new-file.ts'

test('a new migration gets the next number, a name and a header, and waits to be written', (t) => {
  const root = mkdtempSync(join(tmpdir(), 'tenfold-migrations-'))
  t.after(() => rmSync(root, { recursive: true }))
  const dir = join(root, 'migrations')
  const first = migrationFile.new(pathToFileURL(`${dir}/`), 'Users & handles $&')
  assert.equal(basename(first), '0001_users_handles.sql')
  assert.match(readFileSync(first, 'utf8'), /^-- Users & handles \$&\n/)
  writeFileSync(join(dir, '0041_x.sql'), 'select 1')
  assert.equal(basename(migrationFile.new(dir, 'next')), '0042_next.sql')
  const { files } = readFolder(dir)
  assert.deepEqual(
    files.map(({ transactional }) => transactional),
    [true, true, true],
  )
  assert.throws(() => checkStatements(files[0]!), /holds no statement/)
  assert.throws(() => migrationFile.new(dir, '!'), MigrationInvalid)
  writeFileSync(join(dir, '9999_x.sql'), 'select 1')
  assert.throws(() => migrationFile.new(dir, 'one too many'), /used up/)
})

test('slugs are ASCII words', () => {
  assert.equal(slugOf('  Ärger mit: Zügen--2 '), 'arger_mit_zugen_2')
  assert.equal(slugOf('x'.repeat(100)).length, 60)
  assert.equal(slugOf('../../etc/passwd'), 'etc_passwd')
})
