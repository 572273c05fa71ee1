import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type ClusterFacts, checkCluster } from './cluster.ts'
import { type Finding, findingText } from './finding.ts'
import { checkHomeTables } from './home-tables.ts'
import { checkMachine, type MachineFacts } from './machine.ts'
import { checkMigrations } from './schema.ts'

const MB = 1024 * 1024
const machine: MachineFacts = {
  node: '24.1.0',
  openFiles: 65536,
  diskFree: 9999 * MB,
  folder: '/data',
  secretsMode: 0o100600,
}
const cluster: ClusterFacts = {
  cluster: 'c0',
  version: '18.4',
  versionNumber: 180004,
  settings: { fsync: 'on', full_page_writes: 'on', synchronous_commit: 'on', data_checksums: 'on' },
  clockAheadMs: 3,
  roundTripMs: 1,
}

const levels = (findings: readonly Finding[]) =>
  Object.fromEntries(findings.map(({ check, level }) => [check, level]))

test('a machine as it should be', () => {
  assert.ok(checkMachine(machine).every(({ level }) => level === 'ok'))
})

test('each fault of a machine is found', () => {
  const cases: [Partial<MachineFacts>, string, string][] = [
    [{ node: '22.17.0' }, 'node', 'fail'],
    [{ openFiles: 256 }, 'open files', 'fail'],
    [{ openFiles: 2048 }, 'open files', 'warn'],
    [{ diskFree: 50 * MB }, 'disk', 'fail'],
    [{ diskFree: 500 * MB }, 'disk', 'warn'],
    [{ secretsMode: 0o100644 }, 'secrets', 'fail'],
  ]
  for (const [fault, check, level] of cases)
    assert.equal(levels(checkMachine({ ...machine, ...fault }))[check], level)
})

test('each fault of a cluster is found', () => {
  assert.ok(checkCluster(cluster).every(({ level }) => level === 'ok'))
  const cases: [Partial<ClusterFacts>, string, string][] = [
    [{ versionNumber: 140020 }, 'c0 version', 'fail'],
    [{ versionNumber: 150018 }, 'c0 version', 'ok'],
    [{ settings: { ...cluster.settings, fsync: 'off' } }, 'c0 durability', 'fail'],
    [{ settings: { ...cluster.settings, synchronous_commit: 'off' } }, 'c0 durability', 'warn'],
    [{ settings: { ...cluster.settings, data_checksums: 'off' } }, 'c0 checksums', 'warn'],
    [{ clockAheadMs: -2_000 }, 'c0 clock', 'warn'],
    [{ clockAheadMs: 60_000 }, 'c0 clock', 'fail'],
    [{ clockAheadMs: 1_500, roundTripMs: 1_000 }, 'c0 clock', 'ok'],
  ]
  for (const [fault, check, level] of cases)
    assert.equal(levels(checkCluster({ ...cluster, ...fault }))[check], level)
})

test('migrations that are pending fail, strays only warn', () => {
  const status = { applied: [], pending: [], strays: [] }
  assert.deepEqual(
    checkMigrations('c0', { ...status, pending: ['0001_a'] }).map(({ level }) => level),
    ['fail'],
  )
  assert.deepEqual(
    checkMigrations('c0', { ...status, strays: ['x'] }).map(({ level }) => level),
    ['ok', 'warn'],
  )
})

test('home tables come largest first, and those that grow are named', () => {
  const table = (name: string, bytes: number, writes: number) => ({
    name,
    bytes,
    writes,
    statisticsSeconds: 10,
  })
  const found = checkHomeTables([table('small', MB, 1), table('big', 2048 * MB, 0), table('busy', MB, 5000)])
  assert.deepEqual(
    found.map(({ check, level }) => [check, level]),
    [
      ['home table big', 'warn'],
      ['home table busy', 'warn'],
      ['home table small', 'ok'],
    ],
  )
})

test('what is wrong comes with its remedy', () => {
  assert.equal(
    findingText({ check: 'disk', level: 'fail', message: 'full', remedy: 'Make room.' }),
    'fail  disk: full\n      Make room.',
  )
})
