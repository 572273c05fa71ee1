import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { systemClock } from '../../core/clock.ts'
import { silentLogger } from '../../core/log.ts'
import { identify } from '../../data/postgres/process.ts'
import type { StartRequest } from '../start-request.ts'
import type { NodeRequest } from './messages.ts'
import { noteNode } from './node-notes.ts'
import { NodeProcess } from './node-process.ts'

/** A node that was not started yet, and a process that an earlier supervisor has noted under its name. */
async function noted(t: TestContext) {
  const stateFolder = mkdtempSync(join(tmpdir(), 'tenfold-node-'))
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1_000)'], { stdio: 'ignore' })
  const gone = once(child, 'exit')
  t.after(async () => {
    child.kill('SIGKILL')
    await gone
    rmSync(stateFolder, { recursive: true })
  })
  await once(child, 'spawn')
  const identity = identify(child.pid!)!
  noteNode(stateFolder, 'worker-1', { ...identity, fingerprint: 'other', startedAt: 0, port: 0 })
  const start = { stateFolder } as StartRequest
  const node = new NodeProcess({
    request: { id: 'worker-1', tier: 'worker', start } as NodeRequest,
    entry: '',
    log: silentLogger,
    clock: systemClock,
    patient: false,
    onFound: () => {},
    onReport: () => {},
  })
  const file = join(stateFolder, 'nodes', 'worker-1.json')
  return { node, runs: () => identify(child.pid!) !== undefined, isNoted: () => existsSync(file) }
}

test('a node that is stopped before it was started ends the process of an earlier supervisor', async (t) => {
  const { node, runs, isNoted } = await noted(t)
  await node.stop()
  assert.deepEqual([runs(), isNoted()], [false, false])
})

for (const left of ['adopted', 'all'] as const)
  test(`a stop that leaves ${left} leaves the process of an earlier supervisor, and its note`, async (t) => {
    const { node, runs, isNoted } = await noted(t)
    await node.stop(left)
    assert.deepEqual([runs(), isNoted()], [true, true])
  })
