import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from '../core/random.ts'
import { job, type Tx, wired } from './fixtures/wired.ts'

const JOBS = 150
const times = { lease: 2_000, heartbeat: 500, poll: 20, stop: 500, abort: 100, repair: 100 }
const VISIT = `insert into users values ($1, 'x', 1)
  on conflict (id) do update set visits = users.visits + 1`
/** Every session of the platform: claims, completions, writes, at whatever they are doing. */
const CUT = `select pg_terminate_backend(pid) from pg_stat_activity
  where datname = current_database() and application_name = 'tenfold' and pid % 3 = $1`

for (const clusters of [1, 2])
  test(`sessions are cut at random, runs fail at random: each effect is there once, on ${clusters}`, async (t) => {
    const random = seededRandom(20_261_122 + clusters)
    let runs = 0
    const work = job<{ user: number }>(
      'work',
      async (run, { client }) => {
        if (++runs % 25 === 0)
          for (let at = 0; at < clusters; at++) await sql(CUT, [Math.floor(random.next() * 3)], at)
        const other = run.input.user + 10_000
        await client.writeAt(client.target('user', other), 'other', (tx: Tx) => tx.query(VISIT, [other]))
        if (random.next() < 0.2) throw new Error('by chance')
        if (random.next() < 0.5) {
          await run.write('own', (tx) => tx.query(VISIT, [run.input.user]))
          if (random.next() < 0.2) throw new Error('too late to matter')
        } else
          await client.writeAt(client.target('user', run.input.user), 'own', (tx: Tx) =>
            tx.query(VISIT, [run.input.user]),
          )
      },
      { attempts: 100, backoff: [0, 20] },
    )
    const { client, enqueueFor, jobs, another, sql } = await wired(t, [work], { clusters, times })
    const second = await another({ times })
    for (let user = 1; user <= JOBS; user++) await enqueueFor(user, work, [{ user }])
    const left = async () => {
      let count = 0
      for (let at = 0; at < clusters; at++) count += (await sql('select 1 from tenfold.jobs', [], at)).length
      return count
    }
    while ((await left()) > 0)
      await Promise.all([jobs.drain(), second.drain()].map((one) => one.catch(() => {})))
    for (let user = 1; user <= JOBS; user++)
      for (const id of [user, user + 10_000]) {
        const [row] = await client.readAt(client.target('user', id).placement, (db) =>
          db.query<{ visits: number }>('select visits from users where id = $1', [id]),
        )
        assert.equal(row?.visits, 1, `user ${id}`)
      }
    assert.ok(runs > JOBS, 'some ran more than once')
  })
