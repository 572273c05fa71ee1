import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bench, drained, insertEffects, positionOf } from './fixtures/bench.ts'
import { RecordingFollower } from './fixtures/follower.ts'

for (const clusters of [1, 2]) {
  test(`what another process commits reaches the followers, then goes (${clusters} clusters)`, async (t) => {
    const own = await bench(t, { clusters })
    const { process, commit, pending } = own
    const follower = new RecordingFollower()
    const effects = await process([follower])
    const { demand, status } = effects
    for (const cluster of clusters === 1 ? ['c0'] : ['c0', 'c1']) {
      const { position } = await commit(cluster, 'a', 'b')
      demand.demand(cluster, position.lsn)
      await follower.past(cluster, position.lsn)
      for (const key of ['a', 'b'])
        assert.ok((follower.floors.get(`${cluster} ${key}`) ?? 0n) >= position.lsn, 'floors cover the commit')
      assert.equal(follower.positions.get(cluster)?.timeline, position.timeline)
      await drained(own, effects, follower, cluster)
      assert.equal(await pending(cluster), 0)
      assert.equal(status()[cluster]?.pendingEffects, 0)
      assert.ok((status()[cluster]?.ageMs ?? 9e9) < 60_000)
    }
    assert.equal(follower.floors.size, 2 * clusters)
    const text = await own.metrics.text()
    assert.match(text, /^tenfold_relay_position_age_seconds\{cluster="c0"\} [\d.]+$/m)
    for (const line of ['tenfold_effects_pending', 'tenfold_relay_passes_total', 'tenfold_relay_leading'])
      assert.match(text, new RegExp(`^${line}\\{cluster="c0"\\} \\d+$`, 'm'))
  })
}

test('a demand moves the position on when nobody writes', async (t) => {
  const { process, session } = await bench(t)
  const follower = new RecordingFollower()
  const { demand } = await process([follower])
  const { lsn } = await positionOf(await session())
  for (let round = 0, before = lsn; round < 5; round++) {
    demand.demand('c0', before)
    await follower.past('c0', before)
    before = follower.positions.get('c0')?.lsn as bigint
  }
})

test('a transaction that commits late is found, and holds nothing up (FAULTS 26)', async (t) => {
  const own = await bench(t)
  const { process, commit, session, pending } = own
  const follower = new RecordingFollower()
  const effects = await process([follower])
  const { demand } = effects
  const long = await session()
  await long.query('begin')
  await insertEffects(long, 'late')
  for (let round = 0; round < 20; round++) {
    const { position } = await commit('c0', `early ${round}`)
    demand.demand('c0', position.lsn)
    await follower.past('c0', position.lsn)
    assert.ok(follower.floors.has(`c0 early ${round}`))
  }
  await drained(own, effects, follower)
  assert.equal(await pending(), 0)
  assert.ok(!follower.floors.has('c0 late'))
  await long.query('commit')
  const { lsn } = await positionOf(long)
  demand.demand('c0', lsn)
  await follower.past('c0', lsn)
  assert.ok((follower.floors.get('c0 late') ?? 0n) >= lsn)
})

test('a rollback lets nothing escape (FAULTS 25)', async (t) => {
  const { process, commit, session } = await bench(t)
  const follower = new RecordingFollower()
  const { demand } = await process([follower])
  const client = await session()
  await client.query('begin')
  await insertEffects(client, 'undone')
  await client.query('rollback')
  const { position } = await commit('c0', 'done')
  demand.demand('c0', position.lsn)
  await follower.past('c0', position.lsn)
  assert.deepEqual([...follower.floors.keys()], ['c0 done'])
})

test('ten thousand rows that wait are delivered in bounded batches, without a gap', async (t) => {
  const own = await bench(t)
  const { process, session, pending } = own
  const client = await session()
  await client.query(`insert into tenfold.effects (marker, bucket, tag, effects)
    select gen_random_uuid(), 0, 0, json_build_object('invalidate', json_build_array('k' || n))
    from generate_series(1, 10000) n`)
  const { lsn } = await positionOf(client)
  const follower = new RecordingFollower()
  const effects = await process([follower])
  effects.demand.demand('c0', lsn)
  await follower.past('c0', lsn)
  assert.equal(follower.floors.size, 10_000)
  assert.ok(Math.max(...follower.batches) <= 500)
  assert.equal(
    follower.batches.reduce((a, b) => a + b),
    10_000,
    'each once',
  )
  await drained(own, effects, follower)
  assert.equal(await pending(), 0)
})

test('rows of many megabytes come in several round trips, and a row by hand stops nobody', async (t) => {
  const own = await bench(t)
  const client = await own.session()
  await client.query(`insert into tenfold.effects (marker, bucket, tag, effects)
    select gen_random_uuid(), 0, 0, json_build_object('invalidate', array(
      select repeat('x', 100) || n || '.' || m from generate_series(1, 20000) m))
    from generate_series(1, 10) n`)
  for (const effects of ['null', '[]', '7', '{"invalidate": "x"}', '{"invalidate": [1, null]}'])
    await client.query(
      `insert into tenfold.effects (marker, bucket, tag, effects) values (gen_random_uuid(), 0, 0, $1)`,
      [effects],
    )
  const follower = new RecordingFollower()
  const effects = await own.process([follower])
  await drained(own, effects, follower)
  assert.equal(follower.floors.size, 200_000)
  assert.ok(follower.batches.length >= 5, `${follower.batches.length} round trips`)
  await drained(own, effects, follower)
  assert.equal(await own.pending(), 0)
})
