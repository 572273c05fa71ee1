import assert from 'node:assert/strict'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { type Replicated, replicated, signalMember } from '../../../src/data/client/fixtures/replicated.ts'
import type { ClusterOptions } from '../../../src/data/client/types.ts'
import { CutProxy, saying } from '../kit/cut-proxy.ts'
import { within } from '../kit/deadline.ts'

/** Members as the client is given them, with a proxy in front of the primary. */
async function throughProxy(
  t: TestContext,
  all: Replicated,
  primary: string,
): Promise<{ proxy: CutProxy; clusters: ClusterOptions[] }> {
  const [cluster] = all.members() as [ClusterOptions]
  const { connection } = cluster.members!.find(({ id }) => id === primary)!
  const target = { path: join(connection.host, `.s.PGSQL.${connection.port}`) }
  const proxy = await CutProxy.listen({ port: 0 }, target)
  t.after(() => proxy.close())
  const members = cluster.members!.map((one) =>
    one.id === primary
      ? { id: one.id, connection: { ...connection, host: '127.0.0.1', port: proxy.port } }
      : one,
  )
  return { proxy, clusters: [{ ...cluster, members }] }
}

/** Where the conversation of a write is cut, and whether the primary has committed by then. */
const CUTS = {
  'before COMMIT arrives': { side: 'request', after: 0 },
  'when COMMIT is to be answered': { side: 'answer', after: 0 },
} as const

for (const [name, cut] of Object.entries(CUTS)) {
  test(`cases 1, 10: cut ${name}, and then the primary is killed: applied once, with its own result`, async (t) => {
    const all = await replicated(t)
    const [cluster] = all.clusters as [Replicated['clusters'][number]]
    const { proxy, clusters } = await throughProxy(t, all, 'c0-pg-1')
    const client = await all.another({ clusters })
    const { severed } = proxy.arm(cut, saying('{"done":'))
    let runs = 0
    const session = all.session(client)
    const write = session.request(() =>
      client.writeAt(client.target('user', 1), 'visit', async (tx) => {
        runs++
        await tx.query(`insert into users (id, name, visits) values (1, 'x', 1)
          on conflict (id) do update set visits = users.visits + 1`)
        return { done: runs }
      }),
    )
    await within(severed, 'the cut')
    proxy.pause() // so that the next run does not come in time
    signalMember(cluster, 'c0-pg-1', 'SIGKILL')
    const result = await within(write, 'the write')
    const rows = await session.request(() =>
      client.readAt<never, { visits: number }[]>(client.target('user', 1).placement, (db) =>
        db.query('select visits from users where id = 1'),
      ),
    )
    assert.deepEqual(rows, [{ visits: 1 }])
    // What had committed is not run again: its stored result is the answer.
    assert.deepEqual(result, { done: runs })
    assert.equal(runs, cut.side === 'answer' ? 1 : 2)
    assert.notEqual(cluster.keeper.topology().primary, 'c0-pg-1')
  })
}
