import assert from 'node:assert/strict'
import { test } from 'node:test'
import { statusText } from './commands/status.ts'
import { readyLine } from './guard-run.ts'
import { appName } from './init/make.ts'
import { createProgram } from './program.ts'
import { checkStage } from './start-flags.ts'

test('every command has help with examples, and each that does something takes --debug', () => {
  const all = createProgram().commands.flatMap((command) => [command, ...command.commands])
  for (const command of all) {
    let text = ''
    command.configureOutput({ writeOut: (part) => (text += part) })
    command.outputHelp()
    assert.match(text, /\nExamples:\n {2}\$ tenfold /, command.name())
    if (command.commands.length === 0) assert.match(text, /--debug/, command.name())
    assert.notEqual(command.description(), '')
  }
})

test('stages by name and by number; those that are not here yet are refused with a reason', () => {
  for (const stage of ['single', '1'])
    assert.deepEqual(checkStage({ stage }), { stage: 'single', replicas: 0, workers: 0 })
  assert.deepEqual(checkStage({ stage: '2' }), { stage: 'split', replicas: 0, workers: 0 })
  assert.deepEqual(checkStage({ stage: 'replicated' }), { stage: 'replicated', replicas: 2, workers: 0 })
  const asked = { stage: '4', replicas: '1', workers: '3' }
  assert.deepEqual(checkStage(asked), { stage: 'replicated', replicas: 1, workers: 3 })
  for (const stage of ['3', '9', 'sharded', '0', '10', 'other'])
    assert.throws(() => checkStage({ stage }), { code: 'TENFOLD_STAGE_UNAVAILABLE' })
  for (const flag of ['web', 'edges', 'cache', 'balancer'])
    assert.throws(() => checkStage({ stage: 'split', [flag]: '2' }), { code: 'TENFOLD_STAGE_UNAVAILABLE' })
  for (const flag of ['replicas', 'workers']) {
    assert.throws(() => checkStage({ [flag]: '2' }), { code: 'TENFOLD_STAGE_UNAVAILABLE' })
    for (const wrong of ['-1', '1.5', 'two', '', '1000'])
      assert.throws(() => checkStage({ stage: 'split', [flag]: wrong }), { code: 'TENFOLD_CONFIG_INVALID' })
  }
})

test('the ready line and the status for a person', () => {
  const status = {
    app: 'lightbox',
    stage: 'single',
    state: 'ready',
    topologyEpoch: 1,
    url: 'http://127.0.0.1:3000',
    consoleUrl: 'http://127.0.0.1:3001',
    nodes: [],
    directory: { epoch: 1, clusters: { c0: [], c1: [] }, isolated: [] },
    relay: {},
  } as const
  assert.equal(
    readyLine(status),
    'Lightbox is ready at http://127.0.0.1:3000 (stage single, 2 clusters, console http://127.0.0.1:3001)',
  )
  const since = '2026-01-02T03:04:05.678Z'
  const c0 = { leads: true, since, position: '0/1A2B3C8', ageMs: 12, pendingEffects: 0 }
  const c1 = { leads: false, since, position: null, ageMs: null, pendingEffects: null }
  const text = statusText({ ...status, relay: { c0, c1 } })
  assert.match(text, /\n\nEffects\n {2}c0: delivered to 0\/1A2B3C8, 12 ms ago, 0 waiting\n {2}c1: /)
  assert.match(
    text,
    /c1: the relay is led elsewhere, or nowhere, since 2026-01-02 03:04:05: cached values come/,
  )
})

test('a folder gives the app its name', () => {
  assert.equal(appName('/x/My App!'), 'my-app')
  assert.equal(appName('/x/42'), 'app')
  assert.equal(appName('/x/2nd-try'), 'nd-try')
})
