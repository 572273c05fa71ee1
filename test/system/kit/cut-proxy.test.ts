import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createConnection, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { CutProxy, type Endpoint, saying } from './cut-proxy.ts'
import { within } from './deadline.ts'

/** Answers each chunk in capital letters; remembers what each connection sent and how it ended. */
class Shouter {
  readonly received: Buffer[] = []
  readonly ends: Promise<unknown>[] = []
  readonly server: Server

  constructor() {
    this.server = createServer((socket) => {
      const at = this.received.push(Buffer.alloc(0)) - 1
      this.ends.push(new Promise((resolve) => socket.once('close', resolve)))
      socket.on('error', () => {})
      socket.on('data', (chunk) => {
        this.received[at] = Buffer.concat([this.received[at]!, chunk])
        socket.write(chunk.toString().toUpperCase())
      })
    })
  }
}

const talkers = new Set<Talker>()

class Talker {
  readonly socket: Socket
  heard = ''
  error: NodeJS.ErrnoException | undefined
  readonly closed: Promise<unknown>

  constructor(at: Endpoint) {
    this.socket = createConnection('path' in at ? at : { port: at.port, host: '127.0.0.1' })
    talkers.add(this)
    this.socket.on('error', (error: NodeJS.ErrnoException) => {
      this.error = error
    })
    this.closed = new Promise((resolve) => this.socket.once('close', resolve))
    this.socket.on('data', (chunk) => {
      this.heard += chunk.toString()
    })
  }

  async say(text: string): Promise<string> {
    const length = this.heard.length + text.length
    this.socket.write(text)
    while (this.heard.length < length && !this.socket.destroyed)
      await Promise.race([once(this.socket, 'data'), this.closed])
    return this.heard
  }
}

for (const kind of ['unix', 'tcp'] as const) {
  describe(`cut proxy (${kind})`, () => {
    let dir: string
    let shouter: Shouter
    let proxy: CutProxy
    let at: Endpoint

    beforeEach(async () => {
      dir = mkdtempSync(join(tmpdir(), 'cut-'))
      shouter = new Shouter()
      const target = { path: join(dir, 'server') }
      shouter.server.listen(target)
      await once(shouter.server, 'listening')
      proxy = await CutProxy.listen(kind === 'unix' ? { path: join(dir, 'proxy') } : { port: 0 }, target)
      at = kind === 'unix' ? { path: join(dir, 'proxy') } : { port: proxy.port }
    })

    afterEach(async () => {
      for (const talker of talkers) talker.socket.destroy()
      talkers.clear()
      await proxy.close()
      shouter.server.close()
      rmSync(dir, { recursive: true })
    })

    test('passes and counts from the chosen words on', async () => {
      const talker = new Talker(at)
      await talker.say('before ')
      const bytes = proxy.count(saying('begin'))
      await talker.say('nothing ')
      await talker.say('begin ')
      assert.equal(await within(talker.say('end'), 'the echo'), 'BEFORE NOTHING BEGIN END')
      assert.deepEqual(bytes, { request: 9, answer: 9 })
    })

    for (const after of [0, 1, 5, 6]) {
      test(`delivers exactly ${after} bytes of a request`, async () => {
        const talker = new Talker(at)
        await talker.say('hello ')
        const { severed } = proxy.arm({ side: 'request', after }, saying('begin'))
        talker.socket.write('begin!')
        await within(Promise.all([severed, talker.closed, shouter.ends[0]]), 'the cut')
        assert.equal(shouter.received[0]?.toString(), `hello ${'begin!'.slice(0, after)}`)
        assert.equal(proxy.connections, 0)
      })

      test(`delivers exactly ${after} bytes of an answer, and the whole request`, async () => {
        const talker = new Talker(at)
        await talker.say('hello ')
        const { severed } = proxy.arm({ side: 'answer', after }, saying('begin'))
        talker.socket.write('begin!')
        await within(Promise.all([severed, talker.closed, shouter.ends[0]]), 'the cut')
        assert.equal(shouter.received[0]?.toString(), 'hello begin!')
        assert.equal(talker.heard, `HELLO ${'BEGIN!'.slice(0, after)}`)
      })
    }

    test('cuts only the conversation it is armed for, and only once', async () => {
      const [bystander, victim] = [new Talker(at), new Talker(at)]
      await Promise.all([bystander.say('a'), victim.say('b')])
      const { severed } = proxy.arm({ side: 'request', after: 2 }, saying('begin'))
      victim.socket.write('begin')
      await within(severed, 'the cut')
      const again = new Talker(at)
      assert.equal(await within(again.say('begin'), 'the next'), 'BEGIN')
      assert.equal(await within(bystander.say('begin'), 'the bystander'), 'ABEGIN')
    })

    test('holds both directions and new connections while paused', async () => {
      const talker = new Talker(at)
      await talker.say('a')
      proxy.pause()
      const late = new Talker(at)
      const answers = Promise.all([talker.say('b'), late.say('c')])
      // Another connection of the server proves that it is alive and that time passes.
      assert.equal(await new Talker({ path: join(dir, 'server') }).say('direct'), 'DIRECT')
      assert.equal(talker.heard + late.heard, 'A')
      proxy.resume()
      assert.deepEqual(await within(answers, 'after the pause'), ['AB', 'C'])
    })

    test('passes an end on', async () => {
      const talker = new Talker(at)
      await talker.say('a')
      talker.socket.end()
      await within(Promise.all([shouter.ends[0], talker.closed]), 'the end')
      assert.equal(proxy.connections, 0)
    })

    if (kind === 'tcp') {
      test('resets', async () => {
        const talker = new Talker(at)
        await talker.say('a')
        const { severed } = proxy.arm({ side: 'request', after: 0, how: 'reset' })
        talker.socket.write('b')
        await within(Promise.all([severed, talker.closed]), 'the reset')
        assert.equal(talker.error?.code, 'ECONNRESET')
      })
    }
  })
}
