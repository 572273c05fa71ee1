import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createContextStorage } from '../core/context.ts'
import { systemRandom } from '../core/random.ts'
import { sweepMarkers } from '../data/client/sweep.ts'
import { systemStore } from '../data/client/system-store.ts'
import { job, type Tx, wired } from './fixtures/wired.ts'

for (const clusters of [1, 2])
  test(`markers of a job live as long as it can be run again, also by an operator, on ${clusters}`, async (t) => {
    let broken = true
    const work = job<null>(
      'work',
      async (_run, { client }) => {
        for (let user = 1; user <= 8; user++)
          await client.writeAt(client.target('user', user), `write ${user}`, (tx: Tx) =>
            tx.query(
              `insert into users values ($1, 'x') on conflict (id) do update set visits = users.visits + 1`,
              [user],
            ),
          )
        if (broken) throw new Error('not yet')
      },
      { attempts: 1 },
    )
    const { enqueueHome, jobs, client, sql } = await wired(t, [work], { clusters })
    const store = systemStore(client, systemRandom(), createContextStorage())
    const age = async () => {
      for (let at = 0; at < clusters; at++)
        await sql("update tenfold.markers set keep_until = keep_until - interval '2 days'", [], at)
    }
    const markers = async () => {
      let count = 0
      for (let at = 0; at < clusters; at++)
        count += (await sql('select 1 from tenfold.markers where job is not null', [], at)).length
      return count
    }
    const [id] = await enqueueHome(work, [null])
    await jobs.drain()
    assert.equal((await jobs.handle.get(id!))?.state, 'dead')
    assert.equal(await markers(), 8)
    await age()
    await sweepMarkers(store)
    assert.equal(await markers(), 8)
    broken = false
    await jobs.retry('all')
    await jobs.drain()
    assert.equal(await jobs.handle.get(id!), null)
    for (let user = 1; user <= 8; user++) {
      const [row] = await client.readAt(client.target('user', user).placement, (db) =>
        db.query<{ visits: number }>('select visits from users where id = $1', [user]),
      )
      assert.equal(row?.visits, 0, 'written once over both lives of the job')
    }
    await age()
    await sweepMarkers(store)
    assert.equal(await markers(), 0)
  })
