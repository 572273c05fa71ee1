import assert from 'node:assert/strict'
import { test } from 'node:test'
import { clusterOf } from '../../../src/data/shards/directory.ts'
import { admin, kitClient, kitDatabases, newRequestId } from '../kit/databases.ts'

const INSERT = 'insert into elements values ($1, 1, $2)'

for (const count of [1, 2])
  test(`FAULTS case 25: what is rolled back leaves nothing: no row, no marker, no used name, on ${count}`, async (t) => {
    const clusters = await kitDatabases(t, { clusters: count })
    const { client, asRequest } = await kitClient(clusters)
    t.after(() => client.stop())
    const sql = await admin(t, clusters[count - 1]!.connection)
    let item = 1
    while (clusterOf(client.directory, client.target('item', item).placement) !== `c${count - 1}`) item++
    const aim = client.target('item', item)
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
          await tx.query(INSERT, [item, 'x'])
          throw broken.app
        }),
        broken.app,
      )
      await assert.rejects(
        client.writeAt(aim, 'pay', async (tx) => {
          await tx.query(INSERT, [item, 'x'])
          await tx.query('select 1 / 0')
        }),
        { code: broken.sql },
      )
      // Fails at COMMIT itself.
      await sql.query(
        'alter table elements add constraint late unique (element) deferrable initially deferred',
      )
      await assert.rejects(
        client.writeAt(aim, 'pay', async (tx) => {
          await tx.query(INSERT, [item, 'x'])
          await tx.query('insert into elements values ($1, 2, $2)', [item, 'x'])
        }),
        { code: broken.commit },
      )
      assert.deepEqual(await left(), { rows: 0, markers: 0 })
      assert.equal(
        await client.writeAt(aim, 'pay', async (tx) => (await tx.query(INSERT, [item, 'x'])).length),
        0,
      )
    })
    assert.deepEqual(await left(), { rows: 1, markers: 1 })
  })
