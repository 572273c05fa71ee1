import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { ClusterOptions } from '../../../src/data/client/types.ts'
import type { Topology } from '../../../src/supervisor/nodes/messages.ts'
import { createWebNode } from '../../../src/supervisor/nodes/web-node.ts'
import { openServerLog } from '../../../src/supervisor/server-log.ts'
import type { StartRequest } from '../../../src/supervisor/start-request.ts'
import { openStateFolder } from '../../../src/supervisor/state-folder.ts'
import { kitDatabases } from '../kit/databases.ts'
import { testFolder } from '../kit/folder.ts'

function topology(epoch: number, { name, connection }: ClusterOptions, port = connection.port): Topology {
  const members = [{ id: `${name}-pg-${epoch}`, connection: { ...connection, port } }]
  return {
    epoch,
    clusters: [{ name, primary: members[0]!.id, members }],
    relays: ['/nowhere/relay.sock'],
    app: 'kit',
  }
}

/** A worker node that is told by `told`. */
function workerNode(t: TestContext, told: () => Promise<Topology>) {
  const folder = openStateFolder(testFolder('tenfold-told-'))
  const log = openServerLog(folder.serverLog, 'error')
  const start = { app: fileURLToPath(new URL('../kit/app.ts', import.meta.url)), stateFolder: folder.path }
  const node = createWebNode({
    request: {
      ...{ id: 'worker-1', tier: 'worker', port: 0, prepares: false, runsJobs: false, soleWorker: true },
      start: start as StartRequest,
      signingKeys: [Buffer.alloc(32, 'told').toString('base64')],
    },
    folder,
    log,
    told,
    signal: new AbortController().signal,
  })
  t.after(async () => {
    await node.stop()
    log.close()
    rmSync(folder.path, { recursive: true })
  })
  return node
}

test('a node whose cluster gets another primary while it imports the application begins with that one', async (t) => {
  const [cluster] = (await kitDatabases(t)) as [ClusterOptions]
  const next = topology(2, cluster)
  // Nobody listens where the old one was; the next one is told as soon as the node has heard of it.
  const told = [topology(1, cluster, 1)]
  const node = workerNode(t, async () => {
    const newest = told.at(-1) as Topology
    if (told.push(next) === 2) node.topology(next)
    return newest
  })
  await node.start()
  assert.equal((await node.status()).ready, true)
})
