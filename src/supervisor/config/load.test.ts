import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { loadConfig, type RawConfig } from './load.ts'
import { configSchema, ENVIRONMENT } from './schema.ts'

function folder(t: TestContext, file?: string): string {
  const dir = mkdtempSync(join(tmpdir(), 'tenfold-config-'))
  t.after(() => rmSync(dir, { recursive: true }))
  if (file !== undefined) writeFileSync(join(dir, 'tenfold.config.json'), file)
  return dir
}

const load = (dir: string, env: Record<string, string> = {}, flags: RawConfig = {}) =>
  loadConfig({ folders: [dir], env, flags })

test('flags win over the environment, that over the file', (t) => {
  const dir = folder(t, '{ "port": 1, "consolePort": 1, "cpu": 1, "data": "here" }')
  const config = load(dir, { TENFOLD_PORT: '2', TENFOLD_CONSOLE_PORT: '2' }, { port: 3 })
  assert.deepEqual(config, { port: 3, consolePort: 2, cpu: 1, data: join(dir, 'here') })
})

test('lists and sizes from the environment', (t) => {
  const key = Buffer.alloc(32, 7).toString('base64')
  const config = load(folder(t), {
    TENFOLD_SIGNING_KEYS: `${key}, ${key}`,
    TENFOLD_MEMORY: '1.5GB',
    TENFOLD_TRUSTED_PROXIES: '10.0.0.0/8 ::1',
    TENFOLD_TLS_CERT: 'a',
    TENFOLD_TLS_KEY: 'b',
  })
  assert.deepEqual(config, {
    signingKeys: [key, key],
    memory: 1536,
    trustedProxies: ['10.0.0.0/8', '::1'],
    tls: { cert: 'a', key: 'b' },
  })
})

test('what is wrong is named with its source, what is misspelt with the right word', (t) => {
  const wrong: [RawConfig | string, Record<string, string>, RegExp][] = [
    ['{ "prot": 1 }', {}, /"prot" in .*tenfold\.config\.json is not a known setting\. Did you mean "port"\?/],
    ['{ "tls": { "crt": "a" } }', {}, /tls/],
    ['{ "port": 70000 }', {}, /"port" in .*tenfold\.config\.json is wrong/],
    ['{', {}, /is not JSON/],
    ['[]', {}, /holds no object/],
    ['{}', { TENFOLD_LOGLEVEL: 'debug' }, /TENFOLD_LOGLEVEL is not known\. Did you mean TENFOLD_LOG_LEVEL\?/],
    ['{}', { TENFOLD_SIGNING_KEYS: 'short' }, /"signingKeys\.?\d?" in the environment is wrong: .*32 bytes/],
    ['{}', { TENFOLD_DATABASE: 'postgres://h/a', TENFOLD_CLUSTERS: '2' }, /2 clusters .* 1 database URLs/],
  ]
  for (const [file, env, says] of wrong) {
    const dir = folder(t, String(file))
    assert.throws(
      () => load(dir, env),
      (error: Error & { remedy?: string }) => says.test(`${error.message} ${error.remedy}`),
      String(says),
    )
  }
})

test('variables of others are left alone', (t) => {
  assert.deepEqual(load(folder(t), { TENFOLD_TEST_LONG: '1', TENFOLD_SOMETHING_ELSE: '1', PORT: '1' }), {})
})

test('docs/operations.md names every setting, variable and no other', () => {
  const page = readFileSync(new URL('../../../docs/operations.md', import.meta.url), 'utf8')
  const section = /## Configuration\n([\s\S]*?)(\n## |$)/.exec(page)![1]!
  const rows = [...section.matchAll(/^\| `([^`]+)` \| `([^`]+)`(?:, `([^`]+)`)? \|/gm)]
  assert.deepEqual(rows.map(([, key]) => key).toSorted(), Object.keys(configSchema.shape).toSorted())
  const variables = rows.flatMap(([, , ...names]) => names.filter((name) => name !== undefined))
  assert.deepEqual(variables.toSorted(), Object.keys(ENVIRONMENT).toSorted())
})
