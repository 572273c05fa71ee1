import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { RecordingFollower } from '../fixtures/follower.ts'
import { ModelPostgres } from '../fixtures/model/postgres.ts'
import { PromptSession } from '../fixtures/model/prompt-session.ts'
import { RawSubscriber } from '../fixtures/raw-subscriber.ts'
import { follow, socketFolder, startRelay } from '../fixtures/stream.ts'
import { frame } from './frames.ts'
import { UP_BYTES_MAX } from './messages.ts'

const SECRET = Buffer.alloc(32, 'secret')
const OTHER = Buffer.alloc(32, 'another')

async function relayOn(t: TestContext, options: { secret?: Buffer } = {}) {
  const postgres = new ModelPostgres()
  const sessions = { clusters: ['c0'], open: () => new PromptSession(postgres) }
  const path = join(socketFolder(t), 'relay')
  const relay = await startRelay(t, { sessions: () => sessions }, path, options)
  const commit = (): bigint => {
    const transaction = postgres.begin('x')
    postgres.write(transaction)
    postgres.show(transaction)
    return postgres.flushed
  }
  const raw = (): RawSubscriber => {
    const subscriber = new RawSubscriber(path)
    t.after(() => subscriber.socket.destroy())
    return subscriber
  }
  return { ...relay, postgres, path, commit, raw }
}

/** Somebody who follows as they should goes on, whatever others do. */
async function goesOn(t: TestContext, relay: Awaited<ReturnType<typeof relayOn>>, secret?: Buffer) {
  const level = new RecordingFollower()
  const effects = await follow(t, [relay.address], [level], secret ? { secret } : {})
  const lsn = relay.commit()
  await level.until(() => level.positions.size > 0)
  effects.demand.demand('c0', lsn)
  await level.past('c0', lsn)
  return { level, effects }
}

test('who does not know the secret is told nothing, and neither is who does not ask for it', async (t) => {
  const relay = await relayOn(t, { secret: SECRET })
  const { level } = await goesOn(t, relay, SECRET)
  for (const secret of [undefined, OTHER]) {
    const stranger = relay.raw()
    await stranger.greet(secret)
    await stranger.closed
    assert.deepEqual(
      stranger.received.map(({ kind }) => kind),
      ['challenge'],
    )
  }
  const lsn = relay.commit()
  await level.past('c0', lsn)
})

test('a proof cannot be used again', async (t) => {
  const relay = await relayOn(t, { secret: SECRET })
  const honest = relay.raw()
  const said: Buffer[] = []
  const { write } = honest.socket
  honest.socket.write = ((bytes: Buffer) => {
    said.push(bytes)
    return write.call(honest.socket, bytes, undefined)
  }) as typeof write
  await honest.greet(SECRET)
  await honest.message('welcome')
  const thief = relay.raw()
  await thief.message('challenge')
  thief.socket.write(said[0]!)
  await thief.closed
  assert.equal(thief.received.length, 1)
})

test('a relay that does not know the secret is not believed', async (t) => {
  const path = join(socketFolder(t), 'relay')
  let asked = 0
  const twice = Promise.withResolvers<void>()
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.write(frame('["challenge","n"]'))
    socket.once('data', () => {
      socket.write(Buffer.concat([frame('["welcome",""]'), frame('["begin","c0",1,"5"]')]))
      if (++asked === 2) twice.resolve()
    })
  })
  await new Promise<void>((resolve) => server.listen(path, resolve))
  const level = new RecordingFollower()
  const effects = await follow(t, [{ socketPath: path }], [level], { secret: SECRET })
  await twice.promise
  assert.deepEqual(level.events, [])
  await effects.stop()
  await new Promise((resolve) => server.close(resolve))
})

const GARBAGE: Readonly<Record<string, (to: RawSubscriber) => void | Promise<void>>> = {
  'an HTTP request': ({ socket }) => void socket.write('GET / HTTP/1.1\r\nhost: relay\r\n\r\n'),
  'a frame without end': ({ socket }) => void socket.write(Buffer.from([0xff, 0xff, 0xff, 0xff])),
  'a frame beyond the limit': ({ socket }) => void socket.write(frame('x'.repeat(UP_BYTES_MAX + 1))),
  'no JSON': ({ socket }) => void socket.write(frame('nonsense')),
  'a demand before it says who it is': (to) => to.send({ kind: 'demand', cluster: 'c0', lsn: 1n }),
  'another version': (to) => to.greet(undefined, 99),
  'a second greeting': async (to) => {
    await to.greet()
    await to.greet()
  },
  'an acknowledgement of what was not sent': async (to) => {
    await to.greet()
    to.send({ kind: 'applied', cluster: 'c0', batch: 77 })
  },
  'a cluster that is not there': async (to) => {
    await to.greet()
    to.send({ kind: 'nudge', cluster: 'elsewhere', given: false })
  },
}
for (const [what, send] of Object.entries(GARBAGE))
  test(`${what} ends the connection, and nothing else`, async (t) => {
    const relay = await relayOn(t)
    const bad = relay.raw()
    await bad.message('challenge')
    await send(bad)
    await bad.closed
    await goesOn(t, relay)
  })

test('rows stay until everybody has acknowledged them; who does not is cut off, and holds nobody up', async (t) => {
  const relay = await relayOn(t)
  const { level, effects } = await goesOn(t, relay)
  const silent = relay.raw()
  await silent.greet()
  await silent.message('begin')
  const deleted: string[] = []
  relay.postgres.onDelete = ({ marker }) => deleted.push(marker)
  const lsn = relay.commit()
  const { marker } = relay.postgres.transactions.at(-1)!
  effects.demand.demand('c0', lsn)
  await silent.message('effects')
  assert.ok(!deleted.includes(marker))
  // It goes on sending ticks: it is not dead, it only does not acknowledge.
  silent.send({ kind: 'tick', tick: 1 })
  await silent.closed
  await level.past('c0', lsn)
  effects.demand.demand('c0', lsn)
  await level.past('c0', relay.postgres.flushed - 1n)
  await level.until(() => deleted.includes(marker))
})

test('who acknowledges gets the position then, with the tick from before', async (t) => {
  const relay = await relayOn(t)
  relay.commit()
  const own = relay.raw()
  await own.greet()
  await own.message('welcome')
  own.send({ kind: 'tick', tick: 4711.5 })
  const { batch, last } = await own.message('effects')
  assert.equal(last, true)
  assert.ok(!own.received.some(({ kind }) => kind === 'position'))
  own.send({ kind: 'applied', cluster: 'c0', batch })
  own.send({ kind: 'tick', tick: 4712.5 })
  own.send({ kind: 'nudge', cluster: 'c0', given: false })
  const { tick } = await own.message('position')
  assert.ok(tick === 4711.5 || tick === 4712.5)
})
