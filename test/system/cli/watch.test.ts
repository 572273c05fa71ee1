import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { until } from '../kit/deadline.ts'
import { type Place, place, type Running, runs } from './kit.ts'

/** Changes the text that `/version` answers with. */
function edit(here: Place, change: (source: string) => string): void {
  const app = join(here.app, 'app.ts')
  writeFileSync(app, change(readFileSync(app, 'utf8')))
}

const answers = (system: Running, text: string): Promise<true> =>
  until(`the answer ${text}`, async () => {
    const answer = await system.get('/version').then(
      (response) => response.text(),
      () => undefined,
    )
    return answer === text ? true : undefined
  })

test('--watch: a change restarts the server on the same port, PostgreSQL stays', async (t) => {
  const here = place(t)
  const system = await here.start(['--watch'])
  const postgres = await system.pidOf('c0-pg-1')
  const since = performance.now()
  edit(here, (source) => source.replace("'one'", "'two'"))
  await answers(system, 'two')
  const ms = performance.now() - since
  assert.ok(ms < RESTART_MS, `after ${Math.round(ms)} ms`)
  assert.equal(await system.pidOf('c0-pg-1'), postgres)

  writeFileSync(join(here.app, 'migrations', '0002_more.sql'), 'create table more (id int primary key);\n')
  await system.guard.shows(/(ready again after[\s\S]*){2}/, 'err')
  assert.match((await here.run(['sql', '--data', here.data, '-c', 'select count(*) from more'])).out, /1 row/)
})

test('--watch: a syntax error is shown, and the next change is tried', async (t) => {
  const here = place(t)
  const system = await here.start(['--watch'])
  const whole = readFileSync(join(here.app, 'app.ts'), 'utf8')
  edit(here, () => 'export default {\n  name: ,\n}\n')
  await system.guard.shows(/app\.ts:2[\s\S]*waiting for the next change/, 'err')
  edit(here, () => whole.replace("'one'", "'three'"))
  await answers(system, 'three')
  assert.equal((await here.run(['stop', '--data', here.data])).code, 0)
  assert.equal((await system.guard.ended).code, 0)
})

test('--watch: Ctrl-C while a broken app waits leaves nothing behind', async (t) => {
  const here = place(t)
  const system = await here.start(['--watch'])
  const postgres = await system.pidOf('c0-pg-1')
  edit(here, () => 'export default {\n  name: ,\n}\n')
  await system.guard.shows(/waiting for the next change/, 'err')
  system.guard.child.kill('SIGINT')
  assert.equal((await system.guard.ended).code, 0)
  assert.equal(runs(postgres), false)
  const again = await here.run(['doctor', '--data', here.data])
  assert.match(again.out, /c0 version/)
})

/** A second on a machine of its own; tests share theirs. */
const RESTART_MS = 4_000
