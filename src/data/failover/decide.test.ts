import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decide, type Step } from './decide.ts'
import type { ClusterRecord } from './record.ts'
import { type Standby, tend } from './tend.ts'
import type { NodeView } from './view.ts'

/** Every state in which a standby can be seen. */
function standbyStates(id: string): NodeView[] {
  const ended = (['missing', 'down', 'starting', 'hung'] as const).map((process) => ({ id, process }))
  const running = [undefined, 5n, 6n].flatMap((lsn) =>
    [true, false].map((receiving): NodeView => {
      const view = { id, process: 'running', standby: true, receiving, upstream: 'a' } as const
      return lsn === undefined ? view : { ...view, lsn }
    }),
  )
  const tried: NodeView = { id, process: 'missing', whole: true }
  return [...ended, tried, ...running, { id, process: 'running', standby: false, lsn: 7n }]
}

const primaryStates: NodeView[] = [
  ...(['missing', 'down', 'starting', 'hung'] as const).map((process) => ({ id: 'a', process })),
  { id: 'a', process: 'missing', whole: true },
  { id: 'a', process: 'running', standby: false, lsn: 6n },
  { id: 'a', process: 'running', standby: true, receiving: false, lsn: 6n },
  { id: 'a', process: 'running', standby: true, receiving: true, lsn: 6n },
]
const sets = [[], ['b'], ['b', 'c']]
const promotions = [
  undefined,
  { id: 'b', named: ['c'], rebuild: [] },
  { id: 'b', named: [], rebuild: [], lossy: true },
]

interface Case {
  readonly record: ClusterRecord
  readonly views: readonly [primary: NodeView, b: NodeView, c: NodeView]
  readonly step: Step
}

function* cases(): Generator<Case> {
  for (const primary of primaryStates)
    for (const b of standbyStates('b'))
      for (const c of standbyStates('c'))
        for (const synchronous of sets)
          for (const promoting of promotions)
            for (const durability of ['strict', 'available'] as const) {
              const nodes = ['a', 'b', 'c']
              const common = {
                format: 1,
                primary: 'a',
                epoch: 1,
                synchronous,
                named: synchronous,
                nodes,
                building: [],
                durability,
              }
              const record: ClusterRecord = promoting === undefined ? common : { ...common, promoting }
              const views = [primary, b, c] as const
              yield { record, views, step: decide(record, views) }
            }
}

/** Those who must be asked before anybody becomes primary. */
const asked = ({ record, views: [primary, ...standbys] }: Case): NodeView[] => [
  ...standbys.filter(({ id }) => record.synchronous.includes(id)),
  ...(primary.process === 'running' && primary.standby ? [primary] : []),
]
const begun = ({ record, views: [, b] }: Case): boolean =>
  record.promoting !== undefined && b.process === 'running' && b.standby === false

function each(check: (one: Case) => void): void {
  let count = 0
  for (const one of cases()) {
    count++
    try {
      check(one)
    } catch (error) {
      const seen = JSON.stringify(one, (_, value) => (typeof value === 'bigint' ? `${value}` : value))
      throw new Error(`${(error as Error).message}\n${seen}`, { cause: error })
    }
  }
  assert.equal(count, 8 * 12 * 12 * sets.length * promotions.length * 2)
}

test('promotes only when the primary has ended and all that count are known and stand still', () => {
  each((one) => {
    const { step, views, record } = one
    if (step.do !== 'promote' || step.lossy) return
    const [primary] = views
    assert.ok(
      primary.process === 'down' || primary.process === 'missing' || primary.standby,
      'it may acknowledge',
    )
    const count = asked(one)
    assert.ok(count.length > 0)
    for (const view of count) {
      assert.equal(view.process, 'running')
      assert.ok(!view.receiving, `${view.id} may still receive`)
      assert.ok(view.lsn !== undefined && view.lsn <= (views.find(({ id }) => id === step.id)!.lsn ?? -1n))
    }
    assert.ok(count.some(({ id }) => id === step.id))
    assert.deepEqual(
      step.named,
      record.synchronous.filter((id) => id !== step.id),
    )
    assert.equal(
      views.some(({ receiving }) => receiving),
      false,
    )
  })
})

test('of those that have the same, who has failed to become primary is chosen last', () => {
  each((one) => {
    const { step, views, record } = one
    if (step.do !== 'promote' || step.lossy) return
    const failed = decide(record, views, new Map([[step.id, 1]]))
    assert.ok(failed.do === 'promote')
    const { lsn } = views.find(({ id }) => id === step.id)!
    const best = asked(one).flatMap((view) => (view.lsn === lsn ? [view.id] : []))
    assert.ok(best.includes(failed.id))
    assert.equal(failed.id === step.id, best.length === 1)
    const both = decide(record, views, new Map(best.map((id) => [id, 1])))
    assert.deepEqual(both, step)
  })
})

test('those who may have what the new primary has not are made anew, and only those', () => {
  each(({ step, views, record }) => {
    if (step.do !== 'promote' || step.lossy) return
    const { lsn } = views.find(({ id }) => id === step.id)!
    for (const view of views.slice(1)) {
      if (view.id === step.id || record.synchronous.includes(view.id)) continue
      const fits = view.process === 'running' && view.lsn !== undefined && view.lsn <= lsn!
      assert.equal(step.rebuild.includes(view.id), !fits)
    }
  })
})

test('a primary that serves is left alone, one that hangs is ended, one that starts is waited for', () => {
  each((one) => {
    const { step, views } = one
    if (begun(one)) return assert.equal(step.do, 'accept')
    const [{ process, standby }] = views
    if (process === 'running' && standby === false) assert.deepEqual(step, { do: 'none' })
    if (process === 'hung') assert.deepEqual(step, { do: 'fence', id: 'a' })
    if (process === 'starting') assert.equal(step.do, 'wait')
    if (step.do === 'none') assert.equal(process, 'running')
  })
})

test('the old primary is started only where no standby could be asked, and no promotion may have come to its end', () => {
  each((one) => {
    const { step, views, record } = one
    if (step.do !== 'start' || step.id !== 'a') return
    assert.equal(views[0].process, 'down')
    const count = asked(one)
    assert.ok(
      count.length === 0 || count.some(({ process }) => process === 'missing') || everyoneIsDown(views),
    )
    assert.ok(!(record.promoting && count.some(({ id }) => id === record.promoting!.id)))
  })
})

const everyoneIsDown = (views: readonly NodeView[]): boolean =>
  views.every(({ process }) => process === 'down' || process === 'missing')

test('after everybody has ended the primary starts where it was', () => {
  each(({ step, views, record }) => {
    if (record.promoting || !everyoneIsDown(views) || views[0].process !== 'down') return
    assert.deepEqual(step, { do: 'start', id: 'a' })
  })
})

test('only what hangs is ended, only what is down is started, only receivers are cut', () => {
  each(({ step, views }) => {
    const of = (id: string): NodeView => views.find((view) => view.id === id)!
    if (step.do === 'fence') assert.equal(of(step.id).process, 'hung')
    if (step.do === 'start') assert.equal(of(step.id).process, 'down')
    if (step.do === 'cut') for (const id of step.ids) assert.equal(of(id).receiving, true)
  })
})

test('refuses only when the disk of one that may alone have something is gone', () => {
  each((one) => {
    const { step, views } = one
    if (step.do !== 'refuse') return
    const gone = [views[0], ...asked(one)].filter(({ process }) => process === 'missing')
    assert.ok(gone.length > 0)
  })
})

test('a primary whose folder is there is not given up because it cannot be started for a moment', () => {
  each(({ step, views, record }) => {
    if (!views[0].whole || record.promoting) return
    assert.notEqual(step.do, 'refuse')
    assert.ok(!(step.do === 'promote' && step.lossy))
  })
})

test('nobody is given up whose folder is there: it may alone have something', () => {
  each((one) => {
    const { step } = one
    const gone = asked(one).filter(({ process }) => process === 'missing')
    if (!gone.some(({ whole }) => whole)) return
    assert.notEqual(step.do, 'refuse')
    assert.notEqual(step.do, 'promote')
  })
})

test('loss is a choice: `available` goes on only where `strict` refuses, with the best of all that are there', () => {
  each(({ step, views, record }) => {
    const strict = decide({ ...record, durability: 'strict' }, views)
    if (record.durability === 'strict') return assert.ok(!(step.do === 'promote' && step.lossy))
    if (strict.do !== 'refuse') return assert.deepEqual(step, strict)
    if (step.do !== 'promote') return
    assert.equal(step.lossy, true)
    const [, ...others] = views
    const best = views.find(({ id }) => id === step.id)!
    for (const view of others) {
      assert.ok(!view.receiving && view.process !== 'down' && view.process !== 'hung')
      assert.ok((view.lsn ?? -1n) <= best.lsn!)
    }
  })
})

test('standbys: what each needs, in every state', () => {
  const sender = (state: string | undefined) =>
    state === undefined ? undefined : { id: 'b', state, flushed: 5n, replayed: 5n, priority: 1 }
  for (const view of standbyStates('b'))
    for (const state of [undefined, 'catchup', 'streaming'])
      for (const awayMs of [0, 3_000, 60_000])
        for (const named of [[], ['c'], ['b'], ['b', 'c']])
          for (const other of [undefined, 'streaming']) {
            const record: ClusterRecord = {
              ...{
                format: 1,
                primary: 'a',
                epoch: 1,
                nodes: ['a', 'b', 'c'],
                building: [],
                durability: 'strict',
              },
              ...{ named, synchronous: named },
            }
            const b: Standby = { view, sender: sender(state), awayMs, stuckMs: awayMs }
            const c: Standby = {
              view: { id: 'c', process: 'running', standby: true, upstream: 'a' },
              sender: other === undefined ? undefined : { ...sender(other)!, id: 'c' },
              awayMs: 0,
              stuckMs: 0,
            }
            for (const proven of [true, false]) {
              const repairs = tend(record, [b, c], { proven, waits: true }).filter(({ id }) => id === 'b')
              const does = (what: string): boolean => repairs.some((repair) => repair.do === what)
              assert.ok(repairs.length <= 2)
              assert.equal(does('start'), view.process === 'down')
              assert.ok(!does('fence') || view.process === 'hung')
              assert.ok(!does('build') || view.process === 'missing' || view.process === 'running')
              if (does('admit')) assert.ok(state === 'streaming' && !named.includes('b'))
              // Somebody else must have what it had.
              if (does('dismiss'))
                assert.ok(named.includes('b') && named.includes('c') && other === 'streaming' && awayMs > 0)
              // A folder that may alone have something stays, unless the primary has just proven that it has everything.
              if (does('build') && (view.process === 'running' || view.whole) && named.includes('b'))
                assert.ok(proven && named[0] === 'b' && (view.whole || state !== 'streaming'))
            }
          }
})

test('available: where nobody was there to be named commits go on when nobody has come for a while', () => {
  const record: ClusterRecord = {
    ...{
      format: 1,
      primary: 'a',
      epoch: 2,
      nodes: ['a', 'b', 'c'],
      building: ['b'],
      named: [],
      synchronous: [],
    },
    durability: 'available',
  }
  const away = (id: string, awayMs: number): Standby => ({
    ...{ view: { id, process: 'missing' }, sender: undefined, awayMs, stuckMs: 0 },
  })
  const alone = (changed: Partial<ClusterRecord>, waits: boolean, ...standbys: Standby[]) =>
    tend({ ...record, ...changed }, standbys, { proven: true, waits }).filter(
      ({ do: what }) => what === 'alone',
    ).length
  assert.equal(alone({}, true, away('b', 3_000), away('c', 3_000)), 1)
  assert.equal(alone({}, true, away('b', 3_000), away('c', 100)), 0)
  assert.equal(alone({}, true, away('b', 100), away('c', 3_000)), 0)
  assert.equal(alone({}, false, away('b', 3_000), away('c', 3_000)), 0, 'it waits for nobody already')
  assert.equal(alone({ durability: 'strict' }, true, away('b', 3_000), away('c', 3_000)), 0)
})

test('right after a promotion, who is down waits until one of the named has everything', () => {
  const record: ClusterRecord = {
    ...{ format: 1, primary: 'a', epoch: 2, nodes: ['a', 'b', 'c'], building: [], durability: 'strict' },
    ...{ named: ['c'], synchronous: [] },
  }
  const standby = (id: string, process: NodeView['process'], awayMs: number): Standby => ({
    ...{ view: { id, process, standby: true, upstream: 'a' }, sender: undefined, awayMs, stuckMs: 0 },
  })
  const needs = (process: 'down' | 'missing', other: Standby, changed: Partial<ClusterRecord> = {}) =>
    tend({ ...record, ...changed }, [standby('b', process, 100), other], { proven: true, waits: true })
      .filter(({ id }) => id === 'b')
      .map(({ do: what }) => what)
  for (const [process, repair] of [
    ['down', 'start'],
    ['missing', 'build'],
  ] as const) {
    assert.deepEqual(needs(process, standby('c', 'running', 100)), [])
    assert.deepEqual(needs(process, standby('c', 'running', 3_000)), [repair], 'not for long')
    assert.deepEqual(needs(process, standby('c', 'hung', 100)), [repair])
    assert.deepEqual(needs(process, standby('c', 'running', 0), { synchronous: ['c'] }), [repair])
    assert.deepEqual(needs(process, standby('c', 'running', 100), { named: ['b', 'c'] }), [repair])
  }
})
