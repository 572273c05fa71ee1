import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'

const SCRIPTS = new URL('../scripts/', import.meta.url).href

describe('the programs of the Patroni tests', () => {
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'tenfold-patroni-programs-'))
    mkdirSync(join(folder, 'bin'))
    mkdirSync(join(folder, 'postgresql'))
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  const plant = (path: string, script: string): void => {
    writeFileSync(join(folder, path), `#!/bin/sh\n${script}\n`)
    chmodSync(join(folder, path), 0o755)
  }
  const plantPostgres = (major: string): void => {
    const dir = join('postgresql', major, 'bin')
    mkdirSync(join(folder, dir), { recursive: true })
    for (const name of ['initdb', 'postgres', 'pg_basebackup', 'pg_rewind']) plant(join(dir, name), '')
  }
  const read = (path: string): string => readFileSync(join(folder, path), 'utf8')
  /** Runs code against scripts that see nothing but the folder, as user `uid`. */
  const run = (code: string, uid = 0) =>
    spawnSync(process.execPath, ['--input-type=module', '-e', `process.getuid = () => ${uid}\n${code}`], {
      encoding: 'utf8',
      env: {
        PATH: `${join(folder, 'bin')}:/bin:/usr/bin`,
        TENFOLD_DEBIAN_PROGRAMS: join(folder, 'bin'),
        TENFOLD_DEBIAN_POSTGRES: join(folder, 'postgresql'),
        TENFOLD_DEBIAN_POLICY: join(folder, 'policy'),
      },
    })
  const ensure = (uid?: number) =>
    run(
      `const { ensurePatroni } = await import('${SCRIPTS}patroni.js')
      process.stdout.write(JSON.stringify(ensurePatroni(process.env)))`,
      uid,
    )
  /** Pretends to be apt: writes down what it is asked, what the policy answers meanwhile, and "installs" etcd. */
  const plantApt = (): void => {
    plant(
      'bin/apt-get',
      `echo "$@" >> ${folder}/calls
case "$*" in *install*) "${folder}/policy" etcd start; echo $? > ${folder}/answer; echo > ${folder}/bin/etcd; chmod 755 ${folder}/bin/etcd;; esac`,
    )
    plant('bin/systemctl', `echo "$@" >> ${folder}/units`)
  }

  test('are found, with the oldest PostgreSQL that is supported', () => {
    for (const name of ['patroni', 'etcd']) plant(join('bin', name), '')
    for (const major of ['14', '15', '17']) plantPostgres(major)
    assert.deepEqual(JSON.parse(ensure(1000).stdout), {
      patroni: join(folder, 'bin', 'patroni'),
      etcd: join(folder, 'bin', 'etcd'),
      pgBin: join(folder, 'postgresql', '15', 'bin'),
    })
  })

  test('only what is missing is installed, nothing starts, and the machine keeps its policy', () => {
    plant('bin/patroni', '')
    plantPostgres('15')
    plantApt()
    plant('policy', 'exit 7')
    const { status, stdout, stderr } = ensure()
    assert.equal(status, 0, stderr)
    assert.equal(JSON.parse(stdout).etcd, join(folder, 'bin', 'etcd'))
    assert.match(read('calls'), /update[\s\S]*install .*--no-upgrade etcd-server\n/)
    assert.equal(read('answer'), '101\n', 'services were forbidden')
    assert.equal(read('units'), 'disable --quiet etcd\n', 'and do not start with the machine')
    assert.equal(read('policy'), '#!/bin/sh\nexit 7\n')
  })

  test('a machine without a policy has none afterwards, also when apt fails', () => {
    plant('bin/patroni', '')
    plant('bin/apt-get', 'exit 1')
    const { status, stderr } = ensure()
    assert.equal(status, 1)
    assert.match(stderr, /need etcd-server, postgresql[\s\S]*sudo apt-get install/)
    assert.ok(!existsSync(join(folder, 'policy')))
  })

  test('a policy that was left by a killed installation forbids nothing', () => {
    plant('policy', 'echo mine; exit 7')
    const { status } = run(`const { withoutServices } = await import('${SCRIPTS}without-services.js')
      withoutServices([], process.env, [], () => process.kill(process.pid, 'SIGKILL'))`)
    assert.notEqual(status, 0)
    const answer = spawnSync(join(folder, 'policy'), ['etcd', 'start'], { encoding: 'utf8' })
    assert.deepEqual([answer.status, answer.stdout], [7, 'mine\n'], 'the answer is that of the machine')
  })

  test('without rights they are asked for', () => {
    plantApt()
    const { status, stderr } = ensure(1000)
    assert.equal(status, 1)
    assert.match(stderr, /need patroni, etcd-server, postgresql/)
    assert.ok(!existsSync(join(folder, 'calls')))
  })
})
