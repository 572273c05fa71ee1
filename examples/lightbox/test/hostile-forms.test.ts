import assert from 'node:assert/strict'
import { test } from 'node:test'
import { signUp, start } from './visitor.ts'

const FORM = { 'content-type': 'application/x-www-form-urlencoded' }

test('a form of millions of empty fields is refused before anyone waits for it', async () => {
  await using app = await start()
  const member = await signUp(app, 'formally')
  const send = (path: string, body: string): Promise<Response> =>
    app.fetch(path, { method: 'POST', body, headers: { ...FORM, cookie: member.cookie } })
  const before = process.cpuUsage()
  for (const [path, fields] of [
    ['/posts', 10_000_000],
    ['/login', 30_000],
  ] as const) {
    const { status } = await send(path, 'a&'.repeat(fields))
    assert.ok(status === 400 || status === 422, `${path}: ${status}`)
  }
  const { user, system } = process.cpuUsage(before)
  assert.ok((user + system) / 1e6 < 10, `${(user + system) / 1e6} s of CPU`)
})
