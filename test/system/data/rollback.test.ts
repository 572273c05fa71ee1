import assert from 'node:assert/strict'
import { test } from 'node:test'
import { admin, kitClient, kitDatabases, newRequestId } from '../kit/databases.ts'

const INSERT = 'insert into elements values ($1, 1, $2)'

test('FAULTS case 25: what is rolled back leaves nothing: no row, no marker, no used name', async (t) => {
  const clusters = await kitDatabases(t)
  const { client, asRequest } = await kitClient(clusters)
  t.after(() => client.stop())
  const sql = await admin(t, clusters[0]!.connection)
  const aim = client.target('item', 1)
  const left = async (): Promise<unknown> =>
    (
      await sql.query(
        "select (select count(*)::int from elements) as rows, (select count(*)::int from tenfold.markers where name = 'pay') as markers",
      )
    ).rows[0]

  const requestId = newRequestId()
  await asRequest(requestId, async () => {
    const broken = { app: new Error('the app changed its mind'), sql: '22012', commit: '23505' }
    await assert.rejects(
      client.writeAt(aim, 'pay', async (tx) => {
        await tx.query(INSERT, [1, 'x'])
        throw broken.app
      }),
      broken.app,
    )
    await assert.rejects(
      client.writeAt(aim, 'pay', async (tx) => {
        await tx.query(INSERT, [1, 'x'])
        await tx.query('select 1 / 0')
      }),
      { code: broken.sql },
    )
    // Fails at COMMIT itself.
    await sql.query('alter table elements add constraint late unique (element) deferrable initially deferred')
    await assert.rejects(
      client.writeAt(aim, 'pay', async (tx) => {
        await tx.query(INSERT, [1, 'x'])
        await tx.query('insert into elements values ($1, 2, $2)', [1, 'x'])
      }),
      { code: broken.commit },
    )
    assert.deepEqual(await left(), { rows: 0, markers: 0 })
    assert.equal(await client.writeAt(aim, 'pay', async (tx) => (await tx.query(INSERT, [1, 'x'])).length), 0)
  })
  assert.deepEqual(await left(), { rows: 1, markers: 1 })
})
