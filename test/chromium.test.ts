import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'

const MODULE = new URL('../scripts/chromium.js', import.meta.url).href

describe('Chromium for the browser tests', () => {
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'tenfold-chromium-'))
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  const plant = (name: string, script: string): void => {
    writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`)
    chmodSync(join(folder, name), 0o755)
  }
  const ensure = (env: Record<string, string>, uid = 1000) => {
    const code = `process.getuid = () => ${uid}
      const { ensureChromium } = await import('${MODULE}')
      process.stdout.write(ensureChromium(process.env))`
    return spawnSync(process.execPath, ['--input-type=module', '-e', code], {
      encoding: 'utf8',
      env: { PATH: folder, ...env },
    })
  }
  const browser = 'echo Chromium 1'
  /** Pretends to be apt: writes down its arguments and "installs" the one package that it knows. */
  const plantApt = (known = 'chromium-headless-shell') =>
    plant(
      'apt-get',
      `echo "$@" >> ${folder}/calls
[ "$1" = install ] || exit 0
case "$@" in *" ${known}") ;; *) exit 100 ;; esac
printf '#!/bin/sh\\n${browser}\\n' > ${folder}/${known}; /bin/chmod 755 ${folder}/${known}`,
    )

  test('is taken from PATH, past a stub that does not run', () => {
    plant('chromium', 'exit 1')
    plant('google-chrome', browser)
    assert.equal(ensure({}).stdout, join(folder, 'google-chrome'))
  })
  test('is taken from CHROME_PATH, which must run', () => {
    plant('mine', browser)
    assert.equal(ensure({ CHROME_PATH: join(folder, 'mine') }).stdout, join(folder, 'mine'))
    assert.match(ensure({ CHROME_PATH: '/nowhere' }).stderr, /CHROME_PATH is \/nowhere, which does not run/)
  })
  test('is installed by apt as root, with its progress on stderr', () => {
    plantApt()
    const { stdout, stderr } = ensure({}, 0)
    assert.equal(stdout, join(folder, 'chromium-headless-shell'))
    assert.match(stderr, /apt-get update[\s\S]*apt-get install .*chromium-headless-shell/)
  })
  test('is the whole one where there is none without windows', () => {
    plantApt('chromium')
    assert.equal(ensure({}, 0).stdout, join(folder, 'chromium'))
    plant('chromium-headless-shell', browser)
    assert.equal(ensure({}).stdout, join(folder, 'chromium-headless-shell'))
  })
  test('is asked for otherwise', () => {
    const mac = process.platform === 'darwin'
    plantApt()
    const { status, stderr } = ensure({})
    if (mac && status === 0) return
    assert.equal(status, 1)
    assert.match(stderr, /sudo apt-get install chromium[\s\S]*brew install --cask chromium/)
  })
})
