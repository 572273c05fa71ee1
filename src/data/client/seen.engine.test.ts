import assert from 'node:assert/strict'
import { test } from 'node:test'
import { detachedContext, type RequestContext } from '../../core/context.ts'
import { silentLogger } from '../../core/log.ts'
import { SeenRecord } from '../../core/seen-record.ts'
import { fixture, newRequestId } from './fixtures/fixture.ts'

test('a commit raises what its session has seen, on its own cluster, and so does its replay', async (t) => {
  const { client, storage } = await fixture(t, { clusters: 2 })
  const directory = { clusters: client.clusterNames, directoryEpoch: 1 }
  const write = async (requestId: string, owner: number): Promise<SeenRecord> => {
    const seen = new SeenRecord(directory)
    const context: RequestContext = { ...detachedContext(requestId, silentLogger), seen }
    await storage.run(context, () =>
      client.writeAt(client.target('user', owner), 'create', async (tx) => {
        assert.equal(storage.current()?.seen, seen)
        assert.equal(seen.isTouched, false)
        await tx.query('insert into users (id, name) values ($1, $2)', [owner, 'x'])
      }),
    )
    return seen
  }
  const reached = new Set<string>()
  for (let owner = 1; owner <= 6; owner++) {
    const requestId = newRequestId()
    const first = await write(requestId, owner)
    const [[cluster, position] = assert.fail('nothing was raised'), ...others] = [
      ...first.result().seen.clusters,
    ]
    assert.deepEqual([others, position.timeline, position.read], [[], 1, 0n])
    const now = await client.positionOf(cluster)
    assert.ok(position.wrote > 0n && position.wrote <= now.lsn)
    const replay = (await write(requestId, owner)).result().seen.clusters.get(cluster)!
    assert.ok(replay.wrote >= position.wrote)
    reached.add(cluster)
  }
  assert.deepEqual([...reached].sort(), ['c0', 'c1'])
})
