import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Clock } from '../../core/clock.ts'
import { formatLsn } from '../../core/lsn.ts'
import { POSITION_SQL, type Position } from '../../core/position.ts'
import type { BatchItem } from '../connection/batch.ts'
import type { Pool } from '../connection/pool.ts'
import { Statements } from '../connection/statements.ts'
import { SETTLE_MS_MAX, Settling } from './settling.ts'

const at = (lsn: bigint, timeline = 1): Position => ({ lsn, timeline })

/** A primary whose log and commits the test moves, a trip at a time; time passes while it is waited for. */
function primary() {
  let now = 0
  const server = {
    lsn: 100n,
    timeline: 1,
    /** By those who commit now. */
    committing: [] as string[],
    /** Called after each trip. */
    after: (_trips: number): void => {},
    trips: 0,
    held: 0,
    failure: undefined as Error | undefined,
    givenUp: [] as number[],
  }
  const clock: Clock = {
    now: () => now,
    monotonic: () => now,
    sleep: async (ms) => {
      now += ms
    },
    timer: () => ({ cancel: () => {} }),
  }
  const wal = () => `${server.timeline.toString(16).padStart(8, '0')}0000000000000001`
  const answer = ({ statement }: BatchItem) => ({
    tag: '',
    rows:
      statement.text === POSITION_SQL
        ? [{ lsn: formatLsn(server.lsn++), wal: wal() }]
        : server.committing.map((committing) => ({ committing })),
  })
  const connection = {
    run: async (items: readonly BatchItem[]) => {
      const { failure } = server
      const results = failure ? [] : items.map(answer)
      server.after(++server.trips)
      return { failure, results }
    },
  }
  const pool = {
    acquire: async () => {
      server.held++
      return connection
    },
    release: () => void server.held--,
  }
  const settling = new Settling({
    clock,
    pool: pool as unknown as Pool,
    statements: new Statements(),
    onGivenUp: (commits) => server.givenUp.push(commits),
  })
  return { server, settling, elapsed: () => now }
}

test('where nobody commits, one trip tells where the log was before and after', async () => {
  const { server, settling } = primary()
  assert.deepEqual(await settling.reach(at(100n)), { upto: at(100n), reading: at(101n) })
  assert.deepEqual([server.trips, server.held], [1, 0])
  assert.deepEqual(await settling.reach(at(99n)), { upto: at(100n), reading: at(101n) })
  assert.equal(server.trips, 1, 'it is known already')
})

test('who is committing is waited for until it is no more; who begins later is not', async () => {
  const { server, settling } = primary()
  server.committing = ['7 a', '8 b']
  server.after = (trips) => {
    if (trips === 3) server.committing = ['8 b', '7 next', '9 c']
    if (trips === 5) server.committing = ['7 next', '9 c']
  }
  const { upto, reading } = await settling.reach(at(100n))
  assert.equal(server.trips, 6)
  assert.deepEqual([upto, reading], [at(100n), at(111n)])
})

test('a commit that does not end is given up once, and said; whoever comes later does not wait for it again', async () => {
  const { server, settling, elapsed } = primary()
  server.committing = ['7 a']
  const { upto } = await settling.reach(at(100n))
  assert.deepEqual([upto, server.givenUp], [at(100n), [1]])
  assert.ok(elapsed() > SETTLE_MS_MAX && elapsed() < SETTLE_MS_MAX + 100)
  const since = elapsed()
  await settling.reach(at(server.lsn))
  assert.deepEqual([elapsed(), server.givenUp], [since, [1]])
  // Another one is waited for anew.
  server.committing = ['7 a', '8 b']
  server.after = () => {
    server.committing = ['7 a']
  }
  await settling.reach(at(server.lsn))
  assert.deepEqual(server.givenUp, [1])
  assert.ok(elapsed() - since < 100)
})

test('a commit that hangs holds up those who need it, and nobody who comes while it is given up', async () => {
  const { server, settling, elapsed } = primary()
  server.committing = ['7 a']
  let later: Promise<unknown> | undefined
  let came = 0
  server.after = () => {
    if (later || elapsed() < 4_000) return
    came = elapsed()
    later = settling.reach(at(server.lsn + 10n))
  }
  await settling.reach(at(100n))
  await later
  assert.ok(elapsed() - came < 1_100, `${elapsed() - came} ms`)
})

test('those who come meanwhile share what has begun, unless they have seen more', async () => {
  const { server, settling } = primary()
  server.committing = ['7 a']
  const arrivals: Promise<bigint>[] = []
  const arrive = (need: bigint): void => {
    arrivals.push(settling.reach(at(need)).then(({ upto }) => upto.lsn))
  }
  for (const need of [100n, 90n, 100n]) arrive(need)
  server.after = (trips) => {
    // What it begins with is known now: who has seen no more is part of it, who has is part of the next.
    if (trips === 2) for (const need of [100n, 103n, 104n]) arrive(need)
    if (trips === 4) server.committing = ['8 b']
    if (trips === 6) server.committing = []
  }
  while (arrivals.length < 6) await Promise.all(arrivals)
  const [first, , , fourth, fifth, sixth] = await Promise.all(arrivals)
  assert.deepEqual([first, fourth], [100n, 100n])
  assert.equal(fifth, sixth)
  assert.ok(fifth! >= 104n)
  assert.equal(server.held, 0)
})

test('with the session all who wait are told, and whoever comes then begins anew', async () => {
  const { server, settling } = primary()
  server.committing = ['7 a']
  server.after = (trips) => {
    if (trips === 3) server.failure = new Error('lost')
  }
  const all = await Promise.allSettled([
    settling.reach(at(100n)),
    settling.reach(at(500n)),
    settling.reach(at(1n)),
  ])
  assert.deepEqual(
    all.map(({ status }) => status),
    ['rejected', 'rejected', 'rejected'],
  )
  assert.equal(server.held, 0)
  server.failure = undefined
  server.committing = []
  server.after = () => {}
  await settling.reach(at(100n))
})

test('the earliest place that says it is given; a later timeline says all of an earlier one', async () => {
  const { server, settling } = primary()
  await settling.reach(at(100n))
  await settling.reach(at(102n))
  assert.equal(settling.known(at(100n))?.upto.lsn, 100n)
  assert.equal(settling.known(at(101n))?.upto.lsn, 102n)
  server.timeline = 2
  server.lsn = 50n
  assert.equal(settling.known(at(1_000n)), undefined)
  assert.deepEqual(await settling.reach(at(1_000n)), { upto: at(50n, 2), reading: at(51n, 2) })
  assert.deepEqual(settling.known(at(1_000n))?.upto, at(50n, 2))
  settling.forget()
  assert.equal(settling.known(at(1n)), undefined)
})

test('beyond the end of the log there is nothing to wait for; a lost session is an error, and the next look is another', async () => {
  const { server, settling } = primary()
  assert.equal((await settling.reach(at(9_999n))).upto.lsn, 100n)
  server.failure = new Error('lost')
  await assert.rejects(settling.reach(at(9_999n)), /lost/)
  server.failure = undefined
  assert.equal((await settling.reach(at(9_999n))).upto.lsn, 102n)
  assert.equal(server.held, 0)
})
