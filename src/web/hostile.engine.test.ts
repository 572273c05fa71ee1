import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { Readable } from 'node:stream'
import { describe, type TestContext, test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { Busboy } from '@fastify/busboy'
import { FORM_FIELDS_MAX } from './fetch/form.ts'
import { raw, send, site } from './fixtures/site.ts'
import { testSpool } from './fixtures/spool.ts'
import type { Fetch } from './options.ts'

const MIB = 1024 * 1024

async function target(t: TestContext, fetch: Fetch, bodyBytesMax = 20 * MIB) {
  const spooling = await testSpool(t)
  const running = await site(t, fetch, { bodyBytesMax, spool: spooling.spool, server: { drainMs: 50 } })
  const empty = async (): Promise<void> => {
    await running.handler.settled()
    while (spooling.spool.bytes > 0) await new Promise((resolve) => setImmediate(resolve))
    assert.deepEqual([spooling.open(), spooling.names()], [0, []])
  }
  return { ...running, ...spooling, empty }
}

const counting: Fetch = async (request) => {
  const form = await request.formData()
  return new Response(String([...form].length))
}
/** CPU that this process takes for some work, in milliseconds; clients here included. */
async function cpuOf(work: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage()
  await work()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000
}

const MULTIPART = { 'content-type': 'multipart/form-data; boundary=b' }
const URLENCODED = { 'content-type': 'application/x-www-form-urlencoded' }
const part = (name: string, head = ''): string =>
  `--b\r\n${head}content-disposition: form-data; name="${name}"\r\n\r\nx\r\n`
const parts = (count: number): string => `${part('a').repeat(count)}--b--\r\n`

describe('forms made to keep the server busy', () => {
  const cases: [string, Record<string, string>, string, number][] = [
    ['as many parts as may be', MULTIPART, parts(FORM_FIELDS_MAX - 1), 200],
    ['a part too many', MULTIPART, parts(FORM_FIELDS_MAX), 400],
    ['ten thousand parts', MULTIPART, parts(10_000), 400],
    [
      'ten thousand parts behind a quoted boundary',
      { 'content-type': 'multipart/form-data; charset=utf-8; boundary="b"' },
      parts(10_000),
      400,
    ],
    ['megabytes of boundaries', MULTIPART, '--b\r\n'.repeat(3_000_000), 400],
    ['as many fields as may be', URLENCODED, 'a=1&'.repeat(FORM_FIELDS_MAX), 200],
    ['a field too many', URLENCODED, 'a=1&'.repeat(FORM_FIELDS_MAX + 1), 400],
    [
      'megabytes of empty fields',
      { 'content-type': 'Application/X-WWW-Form-Urlencoded; charset=utf-8' },
      '&'.repeat(15 * MIB),
      400,
    ],
    ['a form without a boundary', { 'content-type': 'multipart/form-data' }, parts(1), 400],
    ['a form of another type', { 'content-type': 'application/json' }, parts(1), 400],
    ['a form without a type', {}, parts(1), 400],
    ['a form that never ends', MULTIPART, part('a'), 400],
    ['a form that never begins', MULTIPART, 'x'.repeat(MIB), 400],
    ['a part without a name', MULTIPART, '--b\r\ncontent-disposition: form-data\r\n\r\nx\r\n--b--\r\n', 400],
    ['a boundary in capitals', { 'content-type': 'multipart/form-data; BOUNDARY=b' }, parts(1), 200],
  ]
  for (const [name, headers, body, status] of cases)
    test(name, async (t) => {
      const { url, empty } = await target(t, counting)
      let reply = { status: 0, body: '' }
      const ms = await cpuOf(async () => {
        reply = await send(url, '/', { method: 'POST', headers, body })
      })
      assert.equal(reply.status, status, reply.body)
      if (status === 400) assert.equal(JSON.parse(reply.body).code, 'TENFOLD_BAD_FORM')
      assert.ok(ms < 5_000, `${ms} ms of CPU`)
      await empty()
    })

  test('headers of parts that are long or many cost little', async (t) => {
    const { url, empty } = await target(t, counting)
    for (const head of [`x: ${'y'.repeat(4 * MIB)}\r\n`, 'x: y\r\n'.repeat(200_000)])
      for (const body of [`${part('a', head)}--b--\r\n`, `--b\r\n${head}`]) {
        const ms = await cpuOf(() => send(url, '/', { method: 'POST', headers: MULTIPART, body }))
        assert.ok(ms < 5_000, `${ms} ms of CPU`)
      }
    await empty()
  })

  test('busboy with limits ends a bomb at its limit, and the rest of the body goes nowhere', async (t) => {
    const { url, empty } = await target(t, async (request) => {
      const parser = new Busboy({
        headers: { 'content-type': request.headers.get('content-type') ?? '' },
        limits: { fields: 10, files: 1, parts: 1000, headerPairs: 16 },
      })
      let fields = 0
      const limited = Promise.withResolvers<string>()
      parser.on('field', () => fields++)
      for (const limit of ['partsLimit', 'fieldsLimit', 'filesLimit'] as const)
        parser.on(limit, () => limited.resolve(limit))
      parser.on('finish', () => limited.resolve('finish'))
      parser.on('error', () => limited.resolve('error'))
      const body = Readable.fromWeb(request.body as never)
      body.pipe(parser)
      const how = await limited.promise
      body.destroy()
      return Response.json([how, fields])
    })
    for (const [body, how] of [
      [parts(100_000), 'fieldsLimit'],
      [`${part('a', 'x: y\r\n'.repeat(100_000))}--b--\r\n`, 'finish'],
    ] as const) {
      const reply = await send(url, '/', { method: 'POST', headers: MULTIPART, body })
      assert.equal((JSON.parse(reply.body) as [string, number])[0], how, reply.body)
    }
    await empty()
  })
})

/** What nobody holds any more is not counted. */
function collect(): void {
  setFlagsFromString('--expose-gc')
  ;(runInNewContext('gc') as () => void)()
}

describe('bodies made to take memory', () => {
  /** `count` chunks of one byte each. */
  const crumbs = (count: number): Buffer => Buffer.from(`${'1\r\nx\r\n'.repeat(count)}0\r\n\r\n`)
  const chunked = (body: Buffer): Buffer =>
    Buffer.concat([
      Buffer.from('POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n'),
      body,
    ])
  const length: Fetch = async (request) => new Response(String((await request.bytes()).length))

  test('a few thousand crumbs are a body, more are refused', async (t) => {
    const { port, empty } = await target(t, length)
    assert.match(await raw(port, chunked(crumbs(9_000))), /^HTTP\/1\.1 200 [\s\S]*9000$/)
    assert.match(await raw(port, chunked(crumbs(200_000))), /^HTTP\/1\.1 400 [\s\S]*too many pieces/)
    await empty()
  })

  test('crumbs do not hold more than themselves', async (t) => {
    const hold = Promise.withResolvers<void>()
    const { port, handler } = await target(t, length)
    const sockets = Array.from({ length: 20 }, () => connect(port, '127.0.0.1'))
    t.after(() => {
      hold.resolve()
      for (const socket of sockets) socket.destroy()
    })
    await Promise.all(sockets.map((socket) => once(socket, 'connect')))
    collect()
    const before = process.memoryUsage()
    // All but the end: each keeps 9,000 bytes in memory.
    for (const socket of sockets) socket.write(chunked(crumbs(9_000)).subarray(0, -5))
    while (handler.inFlight < 20) await new Promise((resolve) => setImmediate(resolve))
    await raw(port, 'GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n')
    collect()
    const { heapUsed, arrayBuffers } = process.memoryUsage()
    const grown = heapUsed + arrayBuffers - before.heapUsed - before.arrayBuffers
    assert.ok(grown < 40 * MIB, `${Math.round(grown / MIB)} MiB for 180 kB of bodies`)
  })

  test('extensions of chunks and trailers have an end', async (t) => {
    const { port, empty } = await target(t, length)
    const extension = Buffer.from(`1;${'x'.repeat(MIB)}\r\nx\r\n0\r\n\r\n`)
    assert.match(await raw(port, chunked(extension)), /^HTTP\/1\.1 4\d\d /)
    const trailers = Buffer.from(`1\r\nx\r\n0\r\n${'t: v\r\n'.repeat(200_000)}\r\n`)
    assert.match(await raw(port, chunked(trailers)), /^HTTP\/1\.1 4\d\d /)
    await empty()
  })
})

describe('lengths that are not true', () => {
  const head = (length: number): string => `POST / HTTP/1.1\r\nhost: a\r\ncontent-length: ${length}\r\n\r\n`

  test('longer than what comes: nobody is asked', async (t) => {
    let served = 0
    const { port, empty } = await target(t, () => new Response(String(served++)))
    for (const bytes of [10, 300_000]) {
      const socket = connect(port, '127.0.0.1')
      socket.end(head(bytes + 1) + 'x'.repeat(bytes))
      socket.resume()
      await once(socket, 'close')
    }
    await empty()
    assert.equal(served, 0)
  })

  test('shorter than what comes: the rest is no part of the body and no request', async (t) => {
    const bodies: number[] = []
    const { port, empty } = await target(t, async (request) => {
      bodies.push((await request.bytes()).length)
      return new Response('ok')
    })
    // The parser breaks off the connection at the first byte behind the body, perhaps before the answer has left.
    const answer = await raw(port, `${head(300_000)}${'x'.repeat(300_100)}`)
    assert.match(answer, /^(?:HTTP\/1\.1 200 [^x]*)?HTTP\/1\.1 400 /)
    await empty()
    assert.ok(bodies.every((length) => length === 300_000))
    assert.ok(bodies.length <= 1)
  })
})

test('the connection is cut at each stage of an upload: nothing stays, and the next one is served', async (t) => {
  let served = 0
  const { port, url, empty, handler } = await target(t, async (request) => {
    served++
    const body = await request.bytes()
    // An answer that does not fit a socket's buffers, so that it can be cut, too.
    return new Response(new Uint8Array(8 * MIB).fill(body[0] ?? 0))
  })
  const form = `${part('a')}--b\r\ncontent-disposition: form-data; name="f"; filename="f"\r\n\r\n${'y'.repeat(200_000)}\r\n--b--\r\n`
  const whole = Buffer.from(
    `POST / HTTP/1.1\r\nhost: a\r\ncontent-type: multipart/form-data; boundary=b\r\ncontent-length: ${form.length}\r\n\r\n${form}`,
  )
  const bodyAt = whole.length - form.length
  const cuts = [
    0,
    1,
    20,
    bodyAt - 1,
    bodyAt,
    bodyAt + 1,
    bodyAt + 60,
    bodyAt + 65_536,
    bodyAt + 65_537,
    whole.length - 1,
    whole.length,
  ]
  for (const cut of cuts)
    for (const how of ['destroy', 'resetAndDestroy', 'end'] as const) {
      const socket = connect(port, '127.0.0.1')
      socket.on('error', () => {})
      await once(socket, 'connect')
      if (cut > 0) await new Promise<void>((resolve) => socket.write(whole.subarray(0, cut), () => resolve()))
      if (cut === whole.length) await once(socket, 'readable') // the answer has begun
      socket[how]()
      if (how === 'end') socket.resume()
      await once(socket, 'close')
      await empty()
    }
  assert.equal(handler.inFlight, 0)
  const before = served
  assert.equal((await send(url, '/', { method: 'POST', body: 'x'.repeat(100_000) })).status, 200)
  assert.equal(served, before + 1)
})

test('a hundred stalled uploads keep nobody from being served', async (t) => {
  const { port, url } = await target(
    t,
    async (request) => new Response(String((await request.bytes()).length)),
  )
  const stalled = Array.from({ length: 100 }, () => connect(port, '127.0.0.1'))
  t.after(() => {
    for (const socket of stalled) socket.destroy()
  })
  await Promise.all(stalled.map((socket) => once(socket, 'connect')))
  for (const [at, socket] of stalled.entries())
    socket.write(`POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10000000\r\n\r\n${'x'.repeat(at * 1_000)}`)
  for (let turn = 0; turn < 20; turn++) {
    const reply = await send(url, '/', { method: 'POST', body: 'x'.repeat(200_000) })
    assert.deepEqual([reply.status, reply.body], [200, '200000'])
  }
})
