import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CacheBench, gate, keyOf, settle, TestSession } from './fixtures/bench.ts'

const KEY = keyOf('card', 12)

test('a session that a replica has answered waits until the primary shows as much, and gets nothing that was read before', async () => {
  const bench = new CacheBench()
  let row = 'old'
  const load = () => row
  await bench.get(KEY, load)
  bench.advance(10n)
  assert.equal(await bench.get(KEY, load, {}, { session: new TestSession() }), 'old')
  // The commit is in the log, at 105, and shown by a replica; the level has got beyond that place, where the commit is not visible.
  const session = new TestSession()
  session.copied = { lsn: 105n, timeline: 1 }
  const visible = gate()
  bench.settling = (seen) =>
    visible.promise.then(() =>
      seen.settled('c0', { lsn: 105n, timeline: 1 }, { lsn: bench.flush, timeline: 1 }),
    )
  const answer = bench.get(KEY, load, {}, { session })
  await settle()
  assert.equal(bench.loads, 1)
  row = 'new'
  visible.open()
  assert.equal(await answer, 'new')
  assert.equal(bench.loads, 2)
  // Settled at once: no turn is lost.
  session.copied = { lsn: 105n, timeline: 1 }
  bench.settling = (seen) =>
    seen.settled('c0', { lsn: 105n, timeline: 1 }, { lsn: 1n, timeline: 1 }) as undefined
  bench.advance(10n)
  assert.equal(await bench.get(KEY, load, {}, { session }), 'new')
})
