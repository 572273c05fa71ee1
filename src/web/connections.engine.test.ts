import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { test } from 'node:test'
import { TestClock } from '../testing/clock.ts'
import { site } from './fixtures/site.ts'

async function open(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  await once(socket, 'connect')
  return socket
}

async function ask(socket: Socket, path = '/'): Promise<string> {
  socket.write(`GET ${path} HTTP/1.1\r\nhost: a\r\n\r\n`)
  return String((await once(socket, 'data'))[0])
}

test('a connection is kept for 65 s between requests, and the client is told so', async (t) => {
  const clock = new TestClock()
  const { port } = await site(t, () => new Response('x'), { clock })
  const socket = await open(port)
  assert.match(await ask(socket), /connection: keep-alive\r\nkeep-alive: timeout=65\r\n/i)
  await clock.advance(60_000)
  assert.match(await ask(socket), /200 OK/)
  await clock.advance(60_000)
  assert.match(await ask(socket), /200 OK/)
  const closed = once(socket, 'close')
  await clock.advance(80_000)
  await closed
})

test('a connection that never asks is ended, too', async (t) => {
  const clock = new TestClock()
  const { port } = await site(t, () => new Response('x'), { clock })
  const socket = await open(port)
  socket.resume()
  // The server may learn of it a turn later than we do.
  const closed = once(socket, 'close').then(() => true)
  const again = () => clock.advance(80_000).then(() => false)
  while (!(await Promise.race([closed, again()])));
})

test('a stream may be silent for 120 s while its client waits', async (t) => {
  const clock = new TestClock()
  let send = (_text: string): void => {}
  const { port } = await site(
    t,
    () =>
      new Response(
        new ReadableStream({
          start: (to) => {
            send = (text) => to.enqueue(Buffer.from(text))
          },
        }),
      ),
    { clock },
  )
  const socket = await open(port)
  await ask(socket)
  for (let part = 0; part < 3; part++) {
    await clock.advance(110_000)
    send('part')
    assert.match(String((await once(socket, 'data'))[0]), /part/)
  }
  const closed = once(socket, 'close')
  await clock.advance(130_000)
  await closed
})
