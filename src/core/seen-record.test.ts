import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { formatSeen, mergeSeen, NOTHING_SEEN, parseSeen, type Seen } from './seen.ts'
import { SeenRecord, seenOfJob } from './seen-record.ts'

const DIRECTORY = { clusters: ['c0', 'c1'], directoryEpoch: 3 }
const at = (lsn: bigint, timeline = 1) => ({ lsn, timeline })
const seen = (
  c0: { timeline?: number; wrote?: bigint; read?: bigint; copied?: bigint },
  directoryEpoch = 3,
): Seen => ({
  clusters: new Map([['c0', { timeline: 1, wrote: 0n, read: 0n, copied: 0n, ...c0 }]]),
  directoryEpoch,
})
const recordOf = (load: () => Seen): SeenRecord => {
  class Given extends SeenRecord {
    protected override load(): Seen {
      return load()
    }
  }
  return new Given(DIRECTORY)
}
const c0 = (record: SeenRecord) => record.result().seen.clusters.get('c0')

const lsns = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })
const anySeen: fc.Arbitrary<Seen> = fc.record(
  {
    directoryEpoch: fc.nat(),
    clusters: fc
      .dictionary(
        fc.stringMatching(/^[a-z][a-z0-9-]{0,8}$/),
        fc.record({ timeline: fc.nat(), wrote: lsns, read: lsns, copied: lsns }, { noNullPrototype: true }),
        { maxKeys: 4, noNullPrototype: true },
      )
      .map((record) => new Map(Object.entries(record))),
  },
  { noNullPrototype: true },
)

test('what is written is read back, and other text is not', () => {
  fc.assert(fc.property(anySeen, (one) => assert.deepEqual(parseSeen(formatSeen(one)), one)))
  fc.assert(fc.property(fc.string(), (text) => /^\d+$/.test(text) || parseSeen(text) === undefined))
  for (const bad of [
    '',
    '1;c0:1:0/1:0/1',
    '1~c0:1:0/1',
    '1~c0:1:0/123456789:0/0',
    '1~c0:1:0/1:0/1:',
    '1~c0:1:0/1:0/1:0/1:0/1',
    `1${'~c0:1:0/1:0/1'.repeat(400)}`,
  ])
    assert.equal(parseSeen(bad), undefined, bad)
})

test('merging takes the maximum, whatever the order', () => {
  fc.assert(
    fc.property(anySeen, anySeen, anySeen, (a, b, c) => {
      const left = mergeSeen(mergeSeen(a, b), c)
      const right = mergeSeen(a, mergeSeen(c, b))
      assert.deepEqual(Object.fromEntries(left.clusters), Object.fromEntries(right.clusters))
      assert.deepEqual(mergeSeen(a, a), a)
    }),
  )
})

test('within a request only its own writes raise what reads must have reached', () => {
  const record = recordOf(() => seen({ wrote: 10n, read: 20n }))
  assert.deepEqual(record.of('c0'), at(20n))
  assert.equal(record.of('c1'), undefined)
  record.answered('c0', at(30n))
  assert.deepEqual(record.of('c0'), at(20n))
  record.wrote('c0', at(25n))
  assert.deepEqual(record.of('c0'), at(25n))
  assert.deepEqual(c0(record), { timeline: 1, wrote: 25n, read: 30n, copied: 0n })
  assert.equal(record.result().raised, true)
})

test('what is nothing new does not raise', () => {
  const record = recordOf(() => seen({ wrote: 10n, read: 20n }))
  record.answered('c0', at(20n))
  record.answered('c0', at(5n))
  assert.equal(record.result().raised, false)
  assert.equal(new SeenRecord(DIRECTORY).result().raised, false)
  assert.equal(new SeenRecord(DIRECTORY).text(), '')
})

test('a record that nobody asks loads nothing', () => {
  const record = recordOf(() => assert.fail('loaded'))
  record.wrote('c0', at(1n))
  record.answered('c0', at(1n))
  assert.deepEqual(record.of('c0'), at(1n))
  assert.equal(record.isLoaded, false)
})

test('a commit of its own ends what was seen in a lost history', () => {
  const future = recordOf(() => seen({ wrote: 1_000n, read: 2_000n }))
  assert.deepEqual(future.of('c0'), at(2_000n))
  future.wrote('c0', at(50n))
  assert.deepEqual(
    [future.of('c0'), c0(future)],
    [at(50n), { timeline: 1, wrote: 50n, read: 0n, copied: 0n }],
  )
  const lost = recordOf(() => seen({ timeline: 7, wrote: 10n }))
  lost.wrote('c0', at(50n, 2))
  assert.deepEqual(c0(lost), { timeline: 2, wrote: 50n, read: 0n, copied: 0n })
  // A copy's word ends nothing: it may be the copy that is behind.
  const behind = recordOf(() => seen({ timeline: 7, wrote: 10n }))
  behind.answered('c0', at(50n, 2))
  assert.deepEqual(c0(behind), { timeline: 7, wrote: 10n, read: 0n, copied: 0n })
  behind.answered('c0', at(1n, 8))
  assert.deepEqual(c0(behind), { timeline: 8, wrote: 0n, read: 1n, copied: 0n })
})

test('clusters that are gone are forgotten, and a newer directory is told', () => {
  const gone = recordOf(() => ({
    clusters: new Map([['c9', { timeline: 1, wrote: 1n, read: 1n, copied: 0n }]]),
    directoryEpoch: 3,
  }))
  gone.wrote('c0', at(1n))
  assert.deepEqual([...gone.result().seen.clusters.keys()], ['c0'])
  const older = recordOf(() => seen({ wrote: 1n }, 2)).result()
  assert.deepEqual([older.raised, older.seen.directoryEpoch], [true, 3])
  const newer = recordOf(() => seen({ wrote: 1n }, 9)).result()
  assert.deepEqual([newer.raised, newer.seen.directoryEpoch], [false, 9])
})

test('a job sees what its request had seen, and the commit that enqueued it', () => {
  const request = recordOf(() => seen({ read: 20n }))
  request.wrote('c1', at(5n))
  const job = seenOfJob(DIRECTORY, request.text(), { cluster: 'c0', position: at(40n) })
  assert.deepEqual([job.of('c0'), job.of('c1')], [at(40n), at(5n)])
  assert.equal(seenOfJob(DIRECTORY, '').of('c0'), undefined)
  assert.equal(seenOfJob(DIRECTORY, 'garbage').of('c0'), undefined)
  assert.deepEqual(seenOfJob(DIRECTORY, formatSeen(NOTHING_SEEN)).text(), '')
})

test('what a replica has shown stays with the session until it is settled, and then a later reading does', () => {
  const first = recordOf(() => seen({ read: 20n }))
  assert.equal(first.unsettled('c0', true), undefined)
  first.answered('c0', at(30n), 'replica')
  assert.deepEqual([first.unsettled('c0', true), first.unsettled('c0', false)], [at(30n), undefined])
  const next = recordOf(() => first.result().seen)
  assert.deepEqual(c0(next), { timeline: 1, wrote: 0n, read: 30n, copied: 30n })
  assert.deepEqual(next.unsettled('c0', false), at(30n))
  next.answered('c0', at(40n), 'replica')
  next.settled('c0', at(35n), at(37n))
  // What came with it is settled, what came after is not.
  assert.deepEqual([next.unsettled('c0', false), next.unsettled('c0', true)], [undefined, at(40n)])
  assert.deepEqual([next.of('c0'), next.reached('c0')], [at(37n), at(40n)])
  assert.deepEqual(c0(next), { timeline: 1, wrote: 0n, read: 40n, copied: 40n })
  next.settled('c0', at(50n), at(55n))
  assert.equal(next.unsettled('c0', true), undefined)
  assert.deepEqual(c0(next), { timeline: 1, wrote: 0n, read: 55n, copied: 0n })
})

test('its own commit settles nothing, a later timeline all of the earlier', () => {
  const wrote = recordOf(() => seen({ read: 30n, copied: 30n }))
  wrote.wrote('c0', at(60n))
  assert.deepEqual(c0(wrote), { timeline: 1, wrote: 60n, read: 30n, copied: 30n })
  wrote.settled('c0', at(5n, 2), at(6n, 2))
  assert.equal(wrote.unsettled('c0', true), undefined)
  assert.deepEqual(c0(wrote), { timeline: 2, wrote: 0n, read: 6n, copied: 0n })
  const lost = recordOf(() => seen({ read: 10n, copied: 2_000n }))
  lost.wrote('c0', at(60n))
  assert.deepEqual(c0(lost), { timeline: 1, wrote: 60n, read: 0n, copied: 0n })
})

test('a session that has seen what a failover with loss has taken is told so, once', () => {
  const losses = (cluster: string) => (cluster === 'c0' ? [at(10n), at(30n, 3)] : [])
  const lostOf = (came: Seen, now: { lsn: bigint; timeline: number }): [string[], Seen] => {
    class Given extends SeenRecord {
      protected override load(): Seen {
        return came
      }
    }
    const record = new Given({ ...DIRECTORY, losses })
    record.answered('c0', now, 'primary')
    const { lost, seen: next } = record.result()
    return [lost, next]
  }
  for (const came of [seen({ wrote: 11n }), seen({ read: 11n }), seen({ timeline: 3, wrote: 31n })]) {
    const [lost, next] = lostOf(came, at(12n, 4))
    assert.deepEqual(lost, ['c0'])
    assert.deepEqual(lostOf(next, at(13n, 4))[0], [])
  }
  // Within what is kept; in a timeline that was left without loss; and before there is another.
  for (const came of [seen({ wrote: 10n, read: 9n }), seen({ timeline: 2, wrote: 99n })])
    assert.deepEqual(lostOf(came, at(40n, 4))[0], [])
  assert.deepEqual(lostOf(seen({ wrote: 11n }), at(12n))[0], [])
})
