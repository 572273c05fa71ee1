import assert from 'node:assert/strict'
import { test } from 'node:test'
import { explainFailure, explainSystemError } from './failure.ts'

const TIME = '2026-01-01 00:00:00.000 UTC [1] '

/** Lines as PostgreSQL 18 prints them. */
const SEEN: Record<string, readonly string[]> = {
  TENFOLD_DISK_FULL: [
    'FATAL:  could not write lock file "postmaster.pid": No space left on device',
    'PANIC:  could not write to file "pg_wal/xlogtemp.1": No space left on device',
    'FATAL:  could not extend file "base/1/2691": wrote only 4096 of 8192 bytes at block 8',
    'FATAL:  could not write to file "pg_wal/xlogtemp.1": File too large',
    'FATAL:  could not extend file "base/1/1": Disk quota exceeded',
  ],
  TENFOLD_DATA_CORRUPT: [
    'FATAL:  could not open file "global/pg_control": No such file or directory',
    'FATAL:  incorrect checksum in control file',
    'FATAL:  database files are incompatible with server',
    'PANIC:  could not locate a valid checkpoint record at 0/1A2B3C4',
    'FATAL:  could not access status of transaction 753',
    'FATAL:  could not open directory "pg_wal": No such file or directory',
    'FATAL:  invalid page in block 0 of relation base/5/1259: invalid checksum',
  ],
  TENFOLD_POSTGRES_PORT: ['LOG:  could not bind IPv4 address "127.0.0.1": Address already in use'],
  TENFOLD_DATA_UNWRITABLE: ['FATAL:  could not open file "pg_logical/x": Read-only file system'],
  TENFOLD_POSTGRES_FAILED: [
    'FATAL:  could not map anonymous shared memory: Cannot allocate memory',
    'FATAL:  unrecognized configuration parameter "no_such"',
  ],
}

for (const [code, lines] of Object.entries(SEEN))
  test(`${code} by its words`, () => {
    for (const line of lines) {
      const error = explainFailure(
        '/data',
        `${TIME}LOG:  starting\n${TIME}${line}\n${TIME}LOG:  shut down`,
        'ended',
      )
      assert.equal(error.code, code, line)
      assert.ok(error.remedy.length > 0)
    }
  })

test('a full disk is named also when it is followed by a panic', () => {
  const output = `${TIME}FATAL:  could not extend file "x": No space left on device\n${TIME}PANIC:  cannot abort transaction 1`
  assert.equal(explainFailure('/data', output, 'ended').code, 'TENFOLD_DISK_FULL')
})

test('without a word, how it ended is the cause', () => {
  assert.match(explainFailure('/data', '', 'postgres ended with SIGKILL.').message, /SIGKILL/)
})

test('errors of system calls', () => {
  const code = (name: string): string =>
    (explainSystemError(Object.assign(new Error(name), { code: name }), '/data') as { code: string }).code
  assert.equal(code('ENOSPC'), 'TENFOLD_DISK_FULL')
  assert.equal(code('EROFS'), 'TENFOLD_DATA_UNWRITABLE')
  assert.equal(code('EACCES'), 'TENFOLD_DATA_UNWRITABLE')
  assert.equal(code('EMFILE'), 'EMFILE', 'what we know nothing about stays as it is')
})
