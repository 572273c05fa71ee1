import assert from 'node:assert/strict'
import { test } from 'node:test'
import { connect } from '../../../src/data/postgres/database.ts'
import { cloneDatabase, createDatabase, dropDatabase } from '../../../src/data/postgres/index.ts'
import { rejection, scratch, sql } from './kit.ts'

test('a database is made, copied with its rows, and dropped under its sessions', async (t) => {
  const server = scratch(t).server()
  await server.start()
  const { socketDir, port, user, password } = server
  const address = { socketDir, port, user, password }
  await createDatabase(address, 'the "template"')
  await sql({ ...address, database: 'the "template"' }, 'create table kept as select 1 as one')
  await cloneDatabase(address, 'copy', 'the "template"')
  const copy = { ...address, database: 'copy' }
  assert.deepEqual(await sql(copy, 'select one from kept'), [{ one: 1 }])
  await sql(copy, 'insert into kept values (2)')
  assert.deepEqual(
    await sql({ ...address, database: 'the "template"' }, 'select count(*)::int as n from kept'),
    [{ n: 1 }],
  )

  const session = await connect(copy)
  t.after(() => session.end())
  assert.equal(
    (await rejection(cloneDatabase(address, 'third', 'copy'))).code,
    '55006',
    'a template must have no sessions',
  )
  await dropDatabase(address, 'copy')
  await dropDatabase(address, 'copy')
  assert.equal((await rejection(connect(copy))).code, '3D000')
})
