import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { KitClient } from '../kit/client.ts'
import { Recorder } from '../kit/history.ts'
import { FAULTS } from '../kit/nemesis.ts'
import { Dice } from '../kit/seed.ts'
import { ServerProcess } from '../kit/server.ts'

test('PostgreSQL is found again after a crash when its socket lies in the temporary folder', async (t) => {
  // A path that is too long for a Unix socket.
  const dir = mkdtempSync(join(tmpdir(), `tenfold-${'long-'.repeat(16)}`))
  chmodSync(dir, 0o755)
  t.after(() => rmSync(dir, { recursive: true, force: true }))
  const server = await ServerProcess.start(t, { dir })
  const options = { url: server.url, session: 's', recorder: new Recorder(), dice: new Dice(1), repeats: 0 }
  const client = new KitClient({ ...options, patienceMs: 15_000 })
  await client.do({ type: 'increment', keys: ['31'], by: 1 })
  await FAULTS['kill a backend'](server, new Dice(1))
  assert.deepEqual(await client.do({ type: 'increment', keys: ['31'], by: 1 }), { totals: [2] })
})
