import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { Agent, createServer, request as httpRequest } from 'node:http'
import { get as httpsGet } from 'node:https'
import { type AddressInfo, connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { TestClock } from '../testing/clock.ts'
import { raw, send, site } from './fixtures/site.ts'

function tempFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'tenfold-web-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** A certificate for localhost that nobody else trusts. */
function selfSigned(folder: string, name: string): { cert: Buffer; key: Buffer } {
  const [key, cert] = [join(folder, `${name}.key`), join(folder, `${name}.crt`)]
  const subject = ['-subj', `/CN=${name}`, '-addext', 'subjectAltName=DNS:localhost']
  const args = [
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:prime256v1',
    '-nodes',
    '-days',
    '2',
  ]
  execFileSync('openssl', [...args, '-keyout', key, '-out', cert, ...subject], { stdio: 'ignore' })
  return { cert: readFileSync(cert), key: readFileSync(key) }
}

/** Moves the clock until `work` is done: its timers are set in turns that nobody can see. */
async function advanceUntil(clock: TestClock, work: Promise<void>): Promise<void> {
  let over = false
  const done = work.finally(() => {
    over = true
  })
  while (!over) {
    await clock.advance(1_000)
    await new Promise((resolve) => setImmediate(resolve))
  }
  await done
}

test('health tells alive from ready', async (t) => {
  let answer: { ready: boolean; reason?: string } = { ready: true }
  const ready = async () => {
    if (answer.reason === 'throw') throw new TypeError('x')
    return answer
  }
  const { url, lines } = await site(t, () => new Response('app'), { server: { ready } })
  assert.equal((await send(url, '/readyz')).status, 200)
  answer = { ready: false, reason: 'starting' }
  assert.deepEqual(JSON.parse((await send(url, '/readyz')).body), { status: 'not ready', reason: 'starting' })
  answer = { ready: false, reason: 'throw' }
  assert.equal((await send(url, '/readyz')).status, 503)
  const health = await send(url, '/healthz')
  assert.deepEqual([health.status, JSON.parse(health.body)], [200, { status: 'alive' }])
  assert.equal((await send(url, '/healthz', { method: 'HEAD' })).body, '')
  assert.equal((await send(url, '/healthz/x')).body, 'app')
  assert.equal(lines.filter(({ path }) => path === '/healthz').length, 0)
})

test('a taken port, a foreign address and a bad path are told with a remedy', async (t) => {
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  t.after(() => other.close())
  const { port } = other.address() as AddressInfo
  const start = (address: object) => site(t, () => new Response(), { server: { address: address as never } })
  await assert.rejects(start({ port }), { code: 'TENFOLD_ADDRESS_TAKEN', remedy: /--port 0/ })
  await assert.rejects(start({ port: 0, host: '203.0.113.1' }), { code: 'TENFOLD_ADDRESS_REFUSED' })
  await assert.rejects(start({ port: 70_000 }), { code: 'TENFOLD_ADDRESS_REFUSED' })
  await assert.rejects(start({ socketPath: '/nowhere/x.sock' }), { code: 'TENFOLD_ADDRESS_REFUSED' })
  await assert.rejects(start({ socketPath: `/tmp/${'x'.repeat(200)}` }), { code: 'TENFOLD_ADDRESS_REFUSED' })
})

test('a Unix socket that a killed process left behind is taken over, a living one is not', async (t) => {
  const socketPath = join(tempFolder(t), 'web.sock')
  const code = `require('net').createServer().listen(${JSON.stringify(socketPath)}, () => process.kill(process.pid, 'SIGKILL'))`
  assert.throws(() => execFileSync(process.execPath, ['-e', code], { stdio: 'ignore' }))
  const start = () => site(t, () => new Response('here'), { server: { address: { socketPath } } })
  await start()
  const reply = await new Promise<number>((resolve) =>
    httpRequest({ socketPath, path: '/' }, (res) => resolve(res.resume().statusCode!)).end(),
  )
  assert.equal(reply, 200)
  await assert.rejects(start(), { code: 'TENFOLD_ADDRESS_TAKEN' })
})

test('draining under load: no request fails while clients honour Connection: close', async (t) => {
  for (const round of [1, 2, 3]) {
    const served = { count: 0 }
    const { url, server, handler } = await site(
      t,
      async () => {
        served.count++
        await new Promise((resolve) => setImmediate(resolve))
        return new Response(`round ${round}`)
      },
      { server: { idleGraceMs: 200 } },
    )
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const statuses: number[] = []
    const warm = Promise.withResolvers<void>()
    const client = async () => {
      const own = new Agent({ keepAlive: true, maxSockets: 1 })
      try {
        for (;;) {
          const reply = await send(url, '/', { agent: own, headers: { connection: 'keep-alive' } })
          statuses.push(reply.status)
          if (statuses.length > 200) warm.resolve()
          if (reply.headers.connection === 'close') return
        }
      } finally {
        own.destroy()
      }
    }
    const clients = Promise.all(Array.from({ length: 20 }, client))
    await warm.promise
    await Promise.all([server.stop(), clients])
    assert.ok(statuses.every((status) => status === 200))
    assert.equal(served.count, statuses.length)
    assert.equal(handler.inFlight, 0)
    await assert.rejects(send(url, '/', { agent }), { code: 'ECONNREFUSED' })
  }
})

test('what runs when the drain begins finishes; readiness fails at once', async (t) => {
  const clock = new TestClock()
  const gate = Promise.withResolvers<Response>()
  const asked = Promise.withResolvers<void>()
  const { port, server } = await site(
    t,
    () => {
      asked.resolve()
      return gate.promise
    },
    { server: { drainDelayMs: 60_000, clock } },
  )
  const running = raw(port, 'GET / HTTP/1.1\r\nhost: a\r\n\r\n')
  await asked.promise
  const stopped = server.stop()
  assert.match(
    await raw(port, 'GET /readyz HTTP/1.1\r\nhost: a\r\n\r\n'),
    /503 [\s\S]*connection: close[\s\S]*draining/,
  )
  gate.resolve(new Response('whole'))
  assert.match(await running, /connection: close[\s\S]*whole$/)
  await advanceUntil(clock, stopped)
})

test('what does not finish in time gets a 503, and an endless stream is broken off', async (t) => {
  const clock = new TestClock()
  const both = { count: 0, begun: Promise.withResolvers<void>() }
  const { port, server } = await site(
    t,
    (request) => {
      if (++both.count === 2) both.begun.resolve()
      return request.url.endsWith('/stream')
        ? new Response(new ReadableStream({ start: (c) => c.enqueue(new Uint8Array(3)) }))
        : new Promise<Response>(() => {})
    },
    { clock },
  )
  const stuck = raw(port, 'GET / HTTP/1.1\r\nhost: a\r\n\r\n')
  const stream = raw(port, 'GET /stream HTTP/1.1\r\nhost: a\r\n\r\n')
  await both.begun.promise
  const stopped = server.stop()
  await advanceUntil(clock, stopped)
  assert.match(await stuck, /^HTTP\/1\.1 503 [\s\S]*TENFOLD_SERVER_STOPPING/)
  assert.ok(!(await stream).endsWith('0\r\n\r\n'))
})

test('stop before start, twice, and with an idle client', async (t) => {
  const { server, port } = await site(t, () => new Response())
  const idle = connect(port, '127.0.0.1')
  await once(idle, 'connect')
  const closed = once(idle, 'close')
  await Promise.all([server.stop(), server.stop()])
  await closed
})

test('TLS: documents say so, cookies can rely on it, and a renewed certificate is taken', async (t) => {
  const folder = tempFolder(t)
  const [first, second] = [selfSigned(folder, 'first'), selfSigned(folder, 'second')]
  const { server, port, url } = await site(t, (request) => new Response(request.url), {
    server: { tls: first },
  })
  assert.match(url, /^https:/)
  const get = () =>
    new Promise<{ name: unknown; transport: unknown; body: string }>((resolve, reject) => {
      httpsGet(
        { host: '127.0.0.1', servername: 'localhost', port, rejectUnauthorized: false, agent: false },
        async (res) => {
          const name = (res.socket as import('node:tls').TLSSocket).getPeerCertificate().subject.CN
          const body = Buffer.concat(await res.toArray()).toString()
          resolve({ name, transport: res.headers['strict-transport-security'], body })
        },
      ).on('error', reject)
    })
  assert.deepEqual(await get(), {
    name: 'first',
    transport: 'max-age=63072000',
    body: `https://127.0.0.1:${port}/`,
  })
  server.renewTls(second)
  assert.equal((await get()).name, 'second')
  assert.throws(() => server.renewTls({ cert: 'x', key: 'y' }), { code: 'TENFOLD_TLS_INVALID' })
  assert.equal((await get()).name, 'second')
  await assert.rejects(
    site(t, () => new Response(), { server: { tls: { cert: first.cert, key: second.key } } }),
    {
      code: 'TENFOLD_TLS_INVALID',
    },
  )
})
