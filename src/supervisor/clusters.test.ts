import assert from 'node:assert/strict'
import { test } from 'node:test'
import { addressOf, embeddedClusters, externalClusters, parseDatabaseUrl } from './clusters.ts'

test('one embedded database for each cluster', () => {
  const server = { socketDir: '/run', port: 5432, user: 'me', password: 'x' }
  assert.deepEqual(
    embeddedClusters('my-app', 2, server).map(({ name, connection }) => [name, connection.database]),
    [
      ['c0', 'my_app_c0'],
      ['c1', 'my_app_c1'],
    ],
  )
})

test('database URLs', () => {
  assert.deepEqual(parseDatabaseUrl('postgres://me:p%40ss@db.example:6000/app?sslmode=require'), [
    {
      host: 'db.example',
      port: 6000,
      user: 'me',
      password: 'p@ss',
      database: 'app',
      ssl: { rejectUnauthorized: false },
    },
  ])
  assert.equal(parseDatabaseUrl('postgres:///app?host=/var/run/postgresql')[0]!.host, '/var/run/postgresql')
  assert.equal(parseDatabaseUrl('postgresql://h/app?sslmode=verify-full')[0]!.ssl, true)
  for (const wrong of ['postgres://h', 'mysql://h/app', 'app']) {
    assert.throws(() => parseDatabaseUrl(wrong), { code: 'TENFOLD_CONFIG_INVALID' })
  }
})

test('several servers of one cluster', () => {
  const url = 'postgres://me:a%2Cb@one:5433,two,three:5435/app?sslmode=require'
  const servers = parseDatabaseUrl(url)
  assert.deepEqual(
    servers.map(({ host, port }) => [host, port]),
    [
      ['one', 5433],
      ['two', 5432],
      ['three', 5435],
    ],
  )
  for (const server of servers) assert.deepEqual([server.password, server.database], ['a,b', 'app'])
  const [cluster] = externalClusters([url])
  assert.deepEqual(
    cluster!.members!.map(({ id }) => id),
    ['c0-pg-1', 'c0-pg-2', 'c0-pg-3'],
  )
  assert.equal(externalClusters(['postgres://h/app'])[0]!.members, undefined)
})

test('an address never shows the password', () => {
  const [cluster] = externalClusters(['postgres://me:secret@h/app'])
  assert.equal(addressOf(cluster!.connection), 'postgres://h:5432/app')
})
