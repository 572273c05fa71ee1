import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import type pg from 'pg'
import type { DeliveredEffects } from '../../../src/core/effects.ts'
import { silentLogger } from '../../../src/core/log.ts'
import type { SystemStatement } from '../../../src/core/ports.ts'
import { prepareData } from '../../../src/data/prepare.ts'
import { testDatabase } from '../../../src/testing/postgres.ts'
import { until } from '../kit/deadline.ts'
import { CheckedFollower, PositionChecker } from './positions.ts'
import { type Run, relayOf } from './relay.ts'
import { connect, INSERT, positionOf } from './writers.ts'

type Rows = Record<string, unknown>[][]

/** Whether a round trip ends with the note of the position and the reading of rows, as a pass's does. */
const isPass = (statements: readonly SystemStatement[]): boolean =>
  statements.at(-1)?.sql.includes('pg_current_snapshot') === true

/** What a wrong relay would do, put between the relay and its session. `meanwhile` is what others happen to do. */
const PLANTED: Readonly<Record<string, (run: Run, meanwhile: () => Promise<void>) => Run>> = {
  none: (run, meanwhile) => async (statements) => {
    if (isPass(statements)) await meanwhile()
    return run(statements)
  },
  'position after the snapshot': (run, meanwhile) => async (statements) => {
    if (!isPass(statements)) return run(statements)
    const read = await run([...statements.slice(0, -2), ...statements.slice(-1)])
    await meanwhile()
    return [...read.slice(0, -1), ...(await run([statements.at(-2) as SystemStatement])), ...read.slice(-1)]
  },
  'rows above the last id': (run, meanwhile) => {
    let last = '0'
    return async (statements) => {
      if (!isPass(statements)) return run(statements)
      const results: Rows = await run([
        ...statements.slice(0, -1),
        {
          sql: `select pg_current_snapshot()::text as snapshot, pg_current_wal_flush_lsn()::text as floor, 0 as looked_at,
            json_agg(json_build_array(marker, effects)) as found, coalesce(max(xid), $1::xid8)::text as last
            from tenfold.effects where xid > $1::xid8`,
          params: [last],
        },
      ])
      last = results.at(-1)?.[0]?.last as string
      await meanwhile()
      return results
    }
  },
  'deleted before delivery': (run, meanwhile) => async (statements) => {
    const results = await run(statements)
    if (!isPass(statements)) return results
    await run([{ sql: 'delete from tenfold.effects' }])
    await meanwhile()
    return results
  },
}

/** Refuses now and then, as one on another machine does. */
class MoodyFollower extends CheckedFollower {
  #times = 0
  override apply(cluster: string, batch: readonly DeliveredEffects[]): void {
    if (this.#times++ % 3 === 1) throw new Error('not now')
    super.apply(cluster, batch)
  }
}

/** Runs a relay with the bug until the checker says something, or so many commits were checked. */
async function judge(
  t: TestContext,
  planted: (run: Run, meanwhile: () => Promise<void>) => Run,
  outside = false,
): Promise<PositionChecker> {
  const { connection, drop } = await testDatabase()
  t.after(drop)
  const cluster = { name: 'c0', connection }
  await prepareData({ clusters: [cluster], placing: { keys: {}, global: [] }, log: silentLogger })
  const [early, late] = [await connect(cluster), await connect(cluster)]
  const checker = new PositionChecker()
  const follower = new MoodyFollower('moody', checker)
  checker.followers.push(follower)
  const effects = relayOf(cluster, follower, (run) => planted(run, overtaken(early, late, checker, outside)))
  try {
    await effects.start()
    await until('something to judge', () => {
      effects.demand.demand('c0', follower.position('c0')?.lsn ?? 0n)
      return checker.violations.length > 0 || checker.checked > 40 || undefined
    })
  } finally {
    await effects.stop()
    await Promise.all([early.end(), late.end()])
  }
  return checker
}

/** Each time two transactions commit; one of them has begun the time before. */
function overtaken(early: pg.Client, late: pg.Client, checker: PositionChecker, outside: boolean) {
  let open: { readonly marker: string; readonly begun: number } | undefined
  /** What was left out of its transaction, and follows when two passes have begun since. */
  const owed: string[] = []
  return async (): Promise<void> => {
    if (open) {
      await late.query('commit')
      checker.acknowledge('c0', { key: open.marker, begun: open.begun, position: await positionOf(late) })
    }
    open = { marker: randomUUID(), begun: checker.step() }
    await late.query('begin')
    await late.query(INSERT, [open.marker, JSON.stringify({ invalidate: [open.marker] })])
    const marker = randomUUID()
    const begun = checker.step()
    const insert = (marker: string): Promise<unknown> =>
      early.query(INSERT, [marker, JSON.stringify({ invalidate: [marker] })])
    // Instead of the transaction's own work.
    if (outside) await early.query('select pg_current_xact_id()')
    else await insert(marker)
    checker.acknowledge('c0', { key: marker, begun, position: await positionOf(early) })
    if (outside && owed.push(marker) > 2) await insert(owed.shift()!)
  }
}

const none = PLANTED.none as (run: Run, meanwhile: () => Promise<void>) => Run

test('a right relay is accused of nothing', async (t) => {
  const { violations, checked } = await judge(t, none)
  assert.deepEqual(violations, [])
  assert.ok(checked > 40)
})

for (const [name, planted] of Object.entries(PLANTED))
  if (planted !== none)
    test(`a planted bug is caught: ${name}`, async (t) => {
      assert.notEqual((await judge(t, planted)).violations.length, 0)
    })

test('a planted bug is caught: effects outside the transaction', async (t) => {
  assert.notEqual((await judge(t, none, true)).violations.length, 0)
})
