import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PostgresSizeInvalid } from './errors.ts'
import { PINNED, renderSettings } from './settings.ts'

const render = (asked: Record<string, string> = {}, origin = 'here 18.4', major = 18) =>
  renderSettings({
    major,
    sized: { shared_buffers: '64MB', io_method: 'sync' },
    pinned: { port: '5432' },
    asked,
    origin,
  })

test('what must hold is a flag, what may be tuned is in the file', () => {
  const { flags, conf } = render()
  for (const [name, value] of Object.entries(PINNED)) assert.ok(flags.includes(`${name}=${value}`), name)
  assert.ok(flags.includes('port=5432'))
  assert.match(conf, /^shared_buffers = '64MB'$/m)
  assert.doesNotMatch(conf, /fsync/)
})

test('the caller wins, over flags and over the file, and may add', () => {
  const { flags, conf } = render({
    fsync: 'off',
    shared_buffers: '1GB',
    synchronous_standby_names: "ANY 1 (a, 'b\\c')",
  })
  assert.ok(flags.includes('fsync=off') && !flags.includes('fsync=on'))
  assert.match(conf, /^shared_buffers = '1GB'$/m)
  assert.ok(conf.includes("synchronous_standby_names = 'ANY 1 (a, ''b\\\\c'')'"))
})

test('the text changes with whatever would need a restart, and only then', () => {
  assert.equal(render().conf, render().conf)
  assert.notEqual(render().conf, render({}, 'here 18.5').conf)
  assert.notEqual(render().conf, render({ fsync: 'off' }).conf)
})

test('PostgreSQL 17 is spared what it does not know', () => {
  assert.doesNotMatch(render({}, 'there 17.6', 17).conf, /io_method|file_copy_method/)
})

test('a name or a value that could smuggle in a line is refused', () => {
  for (const asked of [{ 'a b': '1' }, { '': '1' }, { work_mem: '1\nfsync = off' }, { work_mem: '1\0' }])
    assert.throws(() => render(asked as Record<string, string>), PostgresSizeInvalid)
})
