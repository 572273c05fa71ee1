import assert from 'node:assert/strict'
import { test } from 'node:test'
import { silentLogger } from '../../core/log.ts'
import { seededRandom } from '../../core/random.ts'
import { ModelClock } from '../fixtures/model/clock.ts'
import type { ChannelEvents } from './channel.ts'
import type { Down, Up } from './messages.ts'
import { Subscription } from './subscription.ts'

/** A door behind which the test stands. */
function opened() {
  const clock = new ModelClock()
  clock.advance(10_000)
  const connections: { events: ChannelEvents<Down>; sent: Up[]; reason?: string }[] = []
  let appear: (() => void) | undefined
  let watches = 0
  const subscription = new Subscription({
    door: {
      name: 'door',
      connect: (events) => {
        const connection: (typeof connections)[number] = { events, sent: [] }
        connections.push(connection)
        return {
          backlogBytes: 0,
          send: (message) => void connection.sent.push(message),
          close: (reason) => {
            if (connection.reason !== undefined) return
            connection.reason = reason
            events.closed(reason)
          },
        }
      },
      watch: (changed) => {
        watches++
        appear = changed
        return () => {
          watches--
          appear = undefined
        }
      },
    },
    name: 'web-1',
    clusters: new Map(),
    secret: undefined,
    clock,
    random: seededRandom(1),
    log: silentLogger,
  })
  const last = () => connections.at(-1)!
  const greet = (): void => {
    last().events.message({ kind: 'challenge', nonce: 'n' })
    last().events.message({ kind: 'welcome', proof: '' })
  }
  return { clock, connections, subscription, last, greet, appear: () => appear?.(), watches: () => watches }
}

test('it greets, then sends a tick at once and twice a second', () => {
  const { clock, subscription, last, greet } = opened()
  subscription.send({ kind: 'tick', tick: 1 })
  subscription.start()
  subscription.send({ kind: 'tick', tick: 2 })
  assert.deepEqual(last().sent, [], 'nothing to somebody unknown')
  greet()
  for (let second = 0; second < 5; second++) {
    clock.advance(500)
    last().events.message({ kind: 'alive' })
  }
  const [hello, ...ticks] = last().sent
  assert.equal(hello?.kind, 'hello')
  assert.deepEqual(
    ticks.map((message) => 'tick' in message && message.tick),
    [10_000, 10_500, 11_000, 11_500, 12_000, 12_500],
  )
})

test('a lost connection is made again, ever later, and soon again after one that held', () => {
  const { clock, connections, subscription, last, greet } = opened()
  subscription.start()
  const waits: number[] = []
  const fail = (): void => {
    const { length } = connections
    last().events.closed('refused')
    for (let ms = 1; connections.length === length; ms++) {
      assert.ok(ms <= 1_001)
      clock.advance(1)
      if (connections.length > length) waits.push(ms)
    }
  }
  for (let times = 0; times < 8; times++) fail()
  assert.ok(waits[0]! <= 51 && waits[1]! <= 101 && waits[7]! >= 499, String(waits))
  greet()
  fail()
  assert.ok(waits.at(-1)! >= 499, 'it was lost as soon as it was made')
  greet()
  clock.advance(400)
  clock.advance(400)
  clock.advance(400)
  fail()
  assert.ok(waits.at(-1)! <= 51)
})

test('when the socket appears it is tried at once; nothing is watched while it is connected', () => {
  const { connections, subscription, last, appear, watches } = opened()
  subscription.start()
  assert.equal(watches(), 0)
  last().events.closed('nobody there')
  assert.equal(watches(), 1)
  appear()
  assert.equal(connections.length, 2)
  assert.equal(watches(), 0)
})

test('a relay that is silent, while greeting or later, is given up', () => {
  const { clock, subscription, connections, greet } = opened()
  subscription.start()
  const silent = (): void => {
    for (let at = 0; at < 8; at++) clock.advance(500)
  }
  silent()
  assert.ok(connections[0]?.reason)
  greet()
  silent()
  assert.ok(connections.filter(({ reason }) => reason).length >= 2)
})

for (const message of [
  { kind: 'welcome', proof: '' },
  { kind: 'begin', cluster: 'c0', term: { timeline: 1, xid: 1n } },
  { kind: 'alive' },
] as const satisfies readonly Down[])
  test(`${message.kind} before it is its turn is refused`, () => {
    const { subscription, last } = opened()
    subscription.start()
    assert.throws(() => last().events.message(message), /out of turn/)
  })

test('what was not asked for, and a tick that was never sent, are refused', () => {
  const { subscription, last, greet } = opened()
  subscription.start()
  greet()
  const { events } = last()
  assert.throws(() => events.message({ kind: 'end', cluster: 'c9' }), /not asked for/)
  const position = { kind: 'position', cluster: 'c0', lsn: 1n, timeline: 1 } as const
  assert.throws(() => events.message({ ...position, tick: 10_001 }), /was not sent/)
  assert.throws(() => events.message({ kind: 'challenge', nonce: 'n' }), /out of turn/)
})

test('once it is stopped it stays so', () => {
  const { clock, connections, subscription, last } = opened()
  subscription.start()
  subscription.stop()
  assert.ok(last().reason)
  clock.advance(10_000)
  assert.equal(connections.length, 1)
})
