import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { test } from 'node:test'
import { listen } from '../web/listen.ts'
import { prepareSocketFolder, socketPathOf } from './control-path.ts'

const NAMES = ['control.sock', 'worker-1.sock', 'relay-1-stream.sock']
/** Of a state folder: from where all of its sockets fit to where none does. */
const LENGTHS = Array.from({ length: 30 }, (_, at) => 75 + at)

test('each socket of a state folder can be listened on, however long its path is', async (t) => {
  const TMPDIR = mkdtempSync('/tmp/tenfold-')
  const before = process.env.TMPDIR
  process.env.TMPDIR = TMPDIR
  t.after(() => {
    if (before === undefined) delete process.env.TMPDIR
    else process.env.TMPDIR = before
    rmSync(TMPDIR, { recursive: true })
  })
  for (const name of NAMES)
    for (const length of LENGTHS) {
      const base = mkdtempSync(join(TMPDIR, 'd'.repeat(length - TMPDIR.length - 7)))
      assert.equal(base.length, length)
      const path = socketPathOf(base, name)
      prepareSocketFolder(path)
      const server = createServer()
      await listen(server, { socketPath: path }, false)
      assert.ok(existsSync(path))
      if (!path.startsWith(base)) assert.equal(statSync(join(path, '..')).mode & 0o777, 0o700)
      await new Promise((resolve) => server.close(resolve))
      rmSync(join(TMPDIR, `tenfold-${process.getuid?.() ?? 0}`), { recursive: true, force: true })
    }
})
