import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { until } from '../kit/deadline.ts'
import { place } from './kit.ts'

test('`tenfold restart` of a node whose new process cannot start says so; it serves when it can', async (t) => {
  const here = place(t)
  const system = await here.start(['--stage', 'split'])
  const restart = (node: string) => here.run(['restart', node, '--data', here.data])
  const unknown = await restart('web-2')
  assert.deepEqual([unknown.code, unknown.out], [1, ''])
  assert.match(unknown.err, /There is no node "web-2"\..*TENFOLD_NODE_UNKNOWN/s)

  const app = join(here.app, 'app.ts')
  const whole = readFileSync(app, 'utf8')
  writeFileSync(app, `throw new Error('a bad version')\n`)
  const failed = await restart('web-1')
  assert.deepEqual([failed.code, failed.out], [1, ''])
  assert.match(failed.err, /web-1 was ended.*a bad version.*TENFOLD_RESTART_FAILED/s)
  writeFileSync(app, whole)
  await until('the former version serves', async () =>
    system.get('/version').then(
      ({ ok }) => ok || undefined,
      () => undefined,
    ),
  )
  // Two at once: each is answered when there is one that serves.
  const both = await Promise.all([restart('web-1'), restart('web-1')])
  assert.deepEqual(
    both.map(({ code }) => code),
    [0, 0],
  )
  assert.ok((await system.get('/version')).ok)
})
