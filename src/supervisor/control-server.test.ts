import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { controlSocketPath } from './control-path.ts'
import { openControl } from './control-server.ts'
import { stateFolder } from './state-folder.ts'

test('a request for what is no path is answered, and ends nothing', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'tf-control-'))
  t.after(() => rmSync(dir, { recursive: true, force: true }))
  const none = () => Promise.reject(new Error('not asked for'))
  const control = await openControl({ folder: stateFolder(dir), status: none, stop: () => {}, ask: none })
  t.after(() => control.close())
  const status = await new Promise((resolve, reject) => {
    const asked = request({ socketPath: controlSocketPath(dir), path: '//' }, (answer) => {
      answer.resume()
      resolve(answer.statusCode)
    })
    asked.on('error', reject)
    asked.end()
  })
  assert.equal(status, 400)
})
