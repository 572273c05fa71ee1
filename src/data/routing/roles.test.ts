import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  decideRoles,
  type MemberAnswer,
  type MemberView,
  NO_ROLES,
  type Receiver,
  type Roles,
} from './roles.ts'

const receiver = (id: string, state: string | null = 'quorum'): Receiver => ({ slot: id, name: id, state })

const primary = (timeline: number, lsn: bigint, receivers: readonly Receiver[] = []): MemberAnswer => ({
  system: 'ours',
  standby: false,
  writable: true,
  timeline,
  lsn,
  slot: undefined,
  name: undefined,
  waits: true,
  receivers,
})
const standby = (
  id: string,
  timeline: number | undefined,
  more: Partial<MemberAnswer> = {},
): MemberAnswer => ({
  ...primary(0, 90n),
  standby: true,
  writable: false,
  timeline,
  slot: id,
  name: id,
  ...more,
})

const decide = (views: Record<string, MemberAnswer | undefined>, before: Roles = NO_ROLES): Roles =>
  decideRoles(
    before,
    Object.entries(views).map(([id, answer]): MemberView => ({ id, answer, asked: true })),
  )

/** What a member may be found to be. */
const STATES: Record<string, (id: string) => MemberAnswer | undefined> = {
  silent: () => undefined,
  'primary of timeline 1': () => primary(1, 100n, [receiver('a'), receiver('b'), receiver('c')]),
  'primary of timeline 2': () => primary(2, 110n, [receiver('a'), receiver('b'), receiver('c', 'async')]),
  'read-only': () => ({ ...primary(2, 110n), writable: false }),
  'standby of timeline 1': (id) => standby(id, 1),
  'standby of timeline 2': (id) => standby(id, 2),
  'standby of nobody': (id) => standby(id, undefined),
  foreign: (id) => ({
    ...standby(id, 9),
    standby: false,
    writable: true,
    system: 'another',
    receivers: [receiver('a')],
  }),
}

const IDS = ['a', 'b', 'c']
const BEFORES: Record<string, Roles> = {
  nothing: { ...NO_ROLES, system: 'ours' },
  'primary a of timeline 1': {
    ...decide({ a: primary(1, 50n, [receiver('b'), receiver('c')]), b: standby('b', 1), c: standby('c', 1) }),
  },
  'primary b of timeline 2': decide({
    a: undefined,
    b: primary(2, 105n, [receiver('a')]),
    c: standby('c', 1),
  }),
}

function* combinations(): Generator<[string, Record<string, MemberAnswer | undefined>]> {
  const names = Object.keys(STATES)
  for (const a of names)
    for (const b of names)
      for (const c of names) {
        const views = { a: STATES[a]!('a'), b: STATES[b]!('b'), c: STATES[c]!('c') }
        yield [`a ${a}, b ${b}, c ${c}`, views]
      }
}

describe('decideRoles, whatever three members are found to be, whatever was known before', () => {
  for (const [known, before] of Object.entries(BEFORES)) {
    test(known, () => {
      let count = 0
      for (const [name, views] of combinations()) {
        const roles = decide(views, before)
        const own = IDS.filter((id) => views[id]?.system === 'ours')
        const highest = Math.max(before.timeline, ...own.map((id) => views[id]!.timeline ?? 0))
        const writable = own.filter((id) => views[id]!.writable)
        count++
        assert.equal(roles.timeline, highest, name)
        if (roles.primary !== undefined) {
          assert.ok(writable.includes(roles.primary), name)
          assert.equal(views[roles.primary]!.timeline, highest, name)
        } else assert.ok(!writable.some((id) => views[id]!.timeline === highest), name)
        assert.ok(
          writable.every(
            (id) => id === roles.primary || roles.replaced.includes(id) || views[id]!.timeline === highest,
          ),
          name,
        )
        for (const id of roles.replicas) {
          assert.ok(own.includes(id) && views[id]!.standby, name)
          assert.equal(views[id]!.timeline, highest, name)
          assert.equal(roles.base?.timeline, highest, name)
          assert.ok(roles.synchronous.includes(id), name)
        }
        // Each standby of ours that is no replica.
        assert.deepEqual(
          roles.resting,
          own.filter((id) => views[id]!.standby && !roles.replicas.includes(id)),
          name,
        )
        assert.deepEqual(
          roles.foreign,
          IDS.filter((id) => views[id]?.system === 'another'),
          name,
        )
      }
      assert.equal(count, Object.keys(STATES).length ** 3)
    })
  }
})

test('a primary that was replaced is not the primary again when the new one is gone', () => {
  const before = decide({ a: primary(1, 100n), b: primary(2, 110n) })
  assert.equal(before.primary, 'b')
  assert.deepEqual(before.replaced, ['a'])
  const roles = decide({ a: primary(1, 100n), b: undefined }, before)
  assert.deepEqual([roles.primary, roles.replaced], [undefined, ['a']])
})

test('a stranger that answers first does not decide whose members they are', () => {
  const stranger: MemberView = { id: 'x', answer: { ...primary(1, 100n), system: 'another' }, asked: true }
  const first: MemberView = { id: 'a', answer: primary(1, 100n), asked: true }
  const unasked = (id: string): MemberView => ({ id, answer: undefined, asked: false })
  const early = decideRoles(NO_ROLES, [stranger, unasked('a'), unasked('b')])
  assert.deepEqual([early.system, early.primary, early.foreign], [undefined, undefined, []])
  const two = decideRoles(early, [stranger, first, unasked('b')])
  assert.equal(two.system, undefined)
  const most = decideRoles(two, [stranger, first, { id: 'b', answer: standby('b', 1), asked: true }])
  assert.deepEqual([most.system, most.primary, most.foreign], ['ours', 'a', ['x']])
  // Whoever is silent has had a chance to speak.
  const silent = decideRoles(NO_ROLES, [
    first,
    { ...unasked('b'), asked: true },
    { ...unasked('c'), asked: true },
  ])
  assert.deepEqual([silent.system, silent.primary], ['ours', 'a'])
})

test('of two addresses of one server the one in use stays in use', () => {
  const before = decide({ vip: undefined, a: primary(1, 100n) })
  assert.equal(decide({ vip: primary(1, 101n), a: primary(1, 100n) }, before).primary, 'a')
})

test('only standbys whose word counts are replicas; all are when no commit waits', () => {
  const views = {
    a: primary(1, 100n, [
      receiver('b', 'sync'),
      receiver('c', 'potential'),
      receiver('d', 'async'),
      receiver('e', 'quorum'),
    ]),
    b: standby('b', 1),
    c: standby('c', 1),
    d: standby('d', 1),
    e: standby('e', 1),
  }
  assert.deepEqual(decide(views).replicas, ['b', 'e'])
  assert.deepEqual(decide({ ...views, a: { ...views.a, waits: false } }).replicas, ['b', 'c', 'd', 'e'])
})

test('a standby is found by its slot, else by a name that no other has', () => {
  const named = (name: string): Receiver => ({ slot: null, name, state: 'quorum' })
  const unslotted = (name: string): MemberAnswer => standby('', 1, { slot: undefined, name })
  const one = { a: primary(1, 100n, [named('x'), named('y')]), b: unslotted('x'), c: unslotted('z') }
  assert.deepEqual(decide(one).replicas, ['b'])
  const twins = { a: primary(1, 100n, [named('x'), named('x')]), b: unslotted('x'), c: unslotted('x') }
  assert.deepEqual(decide(twins).replicas, [])
})

test('without the privilege to see who counts nobody does, and that is said', () => {
  const roles = decide({ a: primary(1, 100n, [receiver('b', null)]), b: standby('b', undefined) })
  assert.deepEqual([roles.replicas, roles.untold], [[], true])
})

test('who has to say anew what it is may rest, and is nothing else', () => {
  const before = decide({ a: primary(1, 100n, [receiver('b')]), b: standby('b', 1), c: undefined })
  assert.deepEqual([before.primary, before.replicas, before.resting], ['a', ['b'], []])
  const {
    primary: next,
    replicas,
    resting,
  } = decideRoles(before, [
    { id: 'a', answer: undefined, asked: true, suspected: true },
    { id: 'b', answer: undefined, asked: true, suspected: true },
    { id: 'c', answer: undefined, asked: true, suspected: false },
  ])
  assert.deepEqual([next, replicas, resting], [undefined, [], ['a', 'b']])
})

test('the base is where the primary stood when it was first seen on its timeline', () => {
  const first = decide({ a: primary(1, 100n) })
  const later = decide({ a: primary(1, 120n) }, first)
  assert.deepEqual(later.base, { timeline: 1, lsn: 100n })
  const gone = decide({ a: undefined }, later)
  assert.deepEqual(gone.base, { timeline: 1, lsn: 100n })
  assert.deepEqual(decide({ a: undefined, b: primary(2, 130n) }, gone).base, { timeline: 2, lsn: 130n })
})
