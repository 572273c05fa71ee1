import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ModelClock } from '../fixtures/model/clock.ts'
import { Batches } from './batches.ts'
import type { Channel } from './channel.ts'
import type { Down, Up } from './messages.ts'
import { Reception } from './reception.ts'
import { RemoteFollower } from './remote-follower.ts'
import { Ticks } from './ticks.ts'

class RecordedChannel implements Channel<Down> {
  readonly sent: Down[] = []
  backlogBytes = 0
  reason: string | undefined
  onClosed: (reason: string) => void = () => {}

  send(message: Down): void {
    this.sent.push(message)
  }

  close(reason: string): void {
    if (this.reason !== undefined) return
    this.reason = reason
    this.onClosed(reason)
  }
}

function follower(channel: Channel<Down>) {
  const ticks = new Ticks()
  ticks.note(5, 5)
  const term = { timeline: 1, xid: 1n }
  const parts = { cluster: 'c0', name: 'slow', channel, batches: new Batches('c0'), ticks, term: () => term }
  return new RemoteFollower(parts)
}

test('positions that are not read do not pile up', () => {
  const channel = new RecordedChannel()
  const slow = follower(channel)
  const position = { lsn: 1n, timeline: 1, takenAt: 10 }
  slow.advance('c0', position)
  assert.equal(channel.reason, undefined)
  channel.backlogBytes = 2 * 2 ** 20
  slow.advance('c0', position)
  assert.ok(channel.reason)
})

test('a batch under way is no backlog; the next one waits for its acknowledgement', async () => {
  const channel = new RecordedChannel()
  const slow = follower(channel)
  const taken = slow.apply('c0', [{ marker: 'm', floor: 1n, effects: {} }])
  channel.backlogBytes = 5 * 2 ** 20
  slow.advance('c0', { lsn: 1n, timeline: 1, takenAt: 10 })
  assert.equal(channel.reason, undefined)
  slow.close()
  await taken
  assert.equal(slow.apply('c0', []), undefined, 'nobody waits for one that is gone')
})

test('without a tick from before there is no position', () => {
  const channel = new RecordedChannel()
  follower(channel).advance('c0', { lsn: 1n, timeline: 1, takenAt: 5 })
  assert.deepEqual(channel.sent, [])
})

test('who says nothing, at first or later, is not waited for', () => {
  const clock = new ModelClock()
  const channel = new RecordedChannel()
  let say: (message: Up) => void = () => {}
  const ended: string[] = []
  const reception = new Reception({
    connect: ({ message, closed }) => {
      say = message
      channel.onClosed = closed
      return channel
    },
    clusters: new Map(),
    clock,
    nonce: 'n',
    secret: undefined,
    onClosed: (name) => ended.push(name),
  })
  clock.advance(2_000)
  reception.look()
  say({ kind: 'hello', version: 1, name: 'web-1', nonce: 'o', proof: '', clusters: [] })
  clock.advance(2_000)
  reception.look()
  assert.deepEqual(
    channel.sent.map(({ kind }) => kind),
    ['challenge', 'welcome', 'alive'],
  )
  clock.advance(1_001)
  reception.look()
  assert.deepEqual(ended, ['web-1'])
})
