import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { request as httpRequest } from 'node:http'
import { connect, type Socket } from 'node:net'
import { Readable } from 'node:stream'
import { describe, type TestContext, test } from 'node:test'
import { Busboy } from '@fastify/busboy'
import { TestClock } from '../testing/clock.ts'
import { raw, send, site, siteWithStore } from './fixtures/site.ts'
import { testSpool } from './fixtures/spool.ts'
import type { Fetch, HandlerOptions } from './options.ts'
import { MEMORY_BYTES_MAX } from './request/body.ts'

const MIB = 1024 * 1024
const sha = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
/** Text that is JSON, too, of exactly so many bytes. */
const jsonOf = (bytes: number): string => JSON.stringify('é'.repeat(1) + 'x'.repeat(bytes - 4))

async function uploads(
  t: TestContext,
  fetch: Fetch,
  options: Partial<HandlerOptions> & { spoolMax?: number } = {},
) {
  const { spoolMax, ...handler } = options
  const spooling = await testSpool(t, { ...(spoolMax !== undefined && { bytesMax: spoolMax }) })
  const running = await site(t, fetch, { bodyBytesMax: 20 * MIB, spool: spooling.spool, ...handler })
  /** Resolves when nothing of any request is left on disk. */
  const empty = async (): Promise<void> => {
    await running.handler.settled()
    while (spooling.spool.bytes > 0) await new Promise((resolve) => setImmediate(resolve))
    assert.deepEqual([spooling.open(), spooling.names()], [0, []])
  }
  return { ...running, ...spooling, empty }
}

describe('a body reaches the app whole, in memory or from disk', () => {
  const readers: Record<string, (request: Request) => Promise<unknown>> = {
    text: (request) => request.text(),
    json: (request) => request.json(),
    bytes: (request) => request.bytes(),
    arrayBuffer: (request) => request.arrayBuffer(),
    blob: async (request) => (await request.blob()).text(),
    stream: async (request) => Buffer.concat(await Readable.fromWeb(request.body as never).toArray()),
    'a request made of it': (request) => new Request(request).text(),
    'a clone and itself': async (request) => {
      const copy = request.clone()
      assert.equal(await copy.text(), await request.text())
      return 'both'
    },
  }
  const sizes = [4, 1000, MEMORY_BYTES_MAX - 1, MEMORY_BYTES_MAX, MEMORY_BYTES_MAX + 1, 3 * MIB]

  for (const [name, read] of Object.entries(readers))
    test(name, async (t) => {
      const used: unknown[] = []
      const { url, empty } = await uploads(t, async (request) => {
        used.push(request.bodyUsed)
        const value = await read(request)
        used.push(request.bodyUsed)
        await assert.rejects(request.text(), TypeError)
        const bytes = typeof value === 'string' ? Buffer.from(value) : Buffer.from(value as Uint8Array)
        return new Response(
          name === 'json' ? String(value).length.toString() : value === 'both' ? 'both' : sha(bytes),
        )
      })
      for (const size of sizes)
        for (const headers of [{}, { 'transfer-encoding': 'chunked' }]) {
          const body = jsonOf(size)
          const reply = await send(url, '/', { method: 'POST', body, headers })
          const expected =
            { json: String(size - 3), 'a clone and itself': 'both' }[name] ?? sha(Buffer.from(body))
          assert.equal(reply.body, expected, `${size} ${JSON.stringify(headers)}`)
        }
      assert.deepEqual([...new Set(used.filter((_, at) => at % 2 === 0))], [false])
      assert.deepEqual([...new Set(used.filter((_, at) => at % 2 === 1))], [true])
      await empty()
    })

  test('formData with a file', async (t) => {
    const { url, empty } = await uploads(t, async (request) => {
      const form = await request.formData()
      const file = form.get('image') as File
      return new Response(`${form.get('edits')} ${file.name} ${file.type} ${sha(await file.bytes())}`)
    })
    const image = randomBytes(2 * MIB)
    const form = new FormData()
    form.set('edits', '{"blur":3}')
    form.set('image', new File([image], 'möwe.png', { type: 'image/png' }))
    const reply = await fetch(url, { method: 'POST', body: form })
    assert.equal(await reply.text(), `{"blur":3} möwe.png image/png ${sha(image)}`)
    await empty()
  })

  test('bad JSON on disk is a 400', async (t) => {
    const { url, empty } = await uploads(t, async (request) => Response.json(await request.json()))
    const reply = await send(url, '/', { method: 'POST', body: `{${'x'.repeat(MIB)}` })
    assert.deepEqual([reply.status, JSON.parse(reply.body).code], [400, 'TENFOLD_BAD_JSON'])
    await empty()
  })

  test('an app that never looks at it, throws, or answers before it has read it', async (t) => {
    const left = Promise.withResolvers<unknown>()
    const { url, empty } = await uploads(t, async (request) => {
      const { pathname } = new URL(request.url)
      if (pathname === '/throw') throw new Error('no')
      if (pathname === '/half') await request.body?.getReader().read()
      if (pathname === '/later') {
        const { body } = request
        setImmediate(() => {})
        queueMicrotask(async () => {
          await closed.promise
          left.resolve(await new Response(body as never).text().catch((error: unknown) => error))
        })
      }
      return new Response('answered')
    })
    const closed = Promise.withResolvers<void>()
    for (const path of ['/', '/throw', '/half', '/later'])
      assert.equal(
        (await send(url, path, { method: 'POST', body: 'x'.repeat(MIB) })).status,
        path === '/throw' ? 500 : 200,
      )
    await empty()
    closed.resolve()
    assert.equal(((await left.promise) as { code: string }).code, 'TENFOLD_BODY_RELEASED')
  })

  test('the body’s limit may depend on method and path; a function that gives no number is a 500', async (t) => {
    const { url, empty } = await uploads(
      t,
      async (request) => new Response(String((await request.text()).length)),
      {
        bodyBytesMax: (method, path) =>
          method === 'POST' && path === '/photos' ? 200_000 : path === '/odd' ? Number.NaN : 1000,
      },
    )
    const status = async (method: string, path: string, bytes: number) =>
      (await send(url, path, { method, body: 'x'.repeat(bytes) })).status
    assert.equal(await status('POST', '/photos?size=3', 200_000), 200)
    assert.equal(await status('POST', '/photos', 200_001), 413)
    assert.equal(await status('PUT', '/photos', 1001), 413)
    assert.equal(await status('POST', '/', 1000), 200)
    assert.equal(await status('POST', '/odd', 1), 500)
    await empty()
  })
})

describe('an upload that ends badly leaves nothing, and the server goes on', () => {
  /** Sends a part of a large body and returns the socket. */
  async function begin(port: number, head: string, bytes: number): Promise<Socket> {
    const socket = connect(port, '127.0.0.1')
    await once(socket, 'connect')
    socket.write(`POST / HTTP/1.1\r\nhost: a\r\n${head}\r\n\r\n`)
    socket.write(Buffer.alloc(bytes, 'x'))
    return socket
  }

  test('the client leaves in mid-upload: closed, half closed, reset', async (t) => {
    let served = 0
    const { port, empty, spool, handler, lines } = await uploads(t, () => new Response(String(served++)))
    for (const end of ['destroy', 'end', 'resetAndDestroy'] as const) {
      const socket = await begin(port, 'content-length: 10000000', 3 * MIB)
      socket.on('error', () => {})
      socket.resume()
      while (spool.bytes < 2 * MIB) await new Promise((resolve) => setImmediate(resolve))
      assert.equal(handler.inFlight, 1)
      socket[end]()
      await once(socket, 'close')
      await empty()
    }
    assert.equal(served, 0)
    assert.ok(
      lines.every(({ level }) => level !== 'error' && level !== 50),
      JSON.stringify(lines),
    )
  })

  test('the limit is passed in mid-upload without a length: 413, and it is seen', async (t) => {
    const { url, empty } = await uploads(t, () => new Response(), { bodyBytesMax: MIB })
    const reply = await send(url, '/', {
      method: 'POST',
      headers: { 'transfer-encoding': 'chunked' },
      body: Buffer.alloc(3 * MIB),
    })
    assert.deepEqual([reply.status, JSON.parse(reply.body).code], [413, 'TENFOLD_BODY_TOO_LARGE'])
    await empty()
  })

  test('a coding that breaks in mid-upload is a 400', async (t) => {
    const { port, empty } = await uploads(t, () => new Response())
    const chunk = `20000\r\n${'x'.repeat(0x20000)}\r\n`
    const answer = await raw(
      port,
      `POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n${chunk}zz\r\n`,
    )
    assert.match(answer, /^HTTP\/1\.1 400 /)
    await empty()
  })

  test('a body that stalls on disk is given up', async (t) => {
    const clock = new TestClock()
    const { port, empty, spool } = await uploads(t, () => new Response(), { clock, bodyRateMin: 1 * MIB })
    const socket = await begin(port, 'content-length: 10000000', MIB)
    while (spool.bytes < 900_000) await new Promise((resolve) => setImmediate(resolve))
    const answered = once(socket, 'data')
    for (let second = 0; second < 12; second++) await clock.advance(1_000)
    assert.match(String((await answered)[0]), /^HTTP\/1\.1 408 [\s\S]*TENFOLD_BODY_TOO_SLOW/)
    for (let second = 0; second < 3; second++) await clock.advance(1_000)
    await empty()
  })

  test('the spool is full: 503 with Retry-After, at once when the length says so, and room comes back', async (t) => {
    const hold = Promise.withResolvers<void>()
    const holding = Promise.withResolvers<void>()
    const { url, port, empty } = await uploads(
      t,
      async (request) => {
        if (request.url.endsWith('/hold')) {
          holding.resolve()
          await hold.promise
        }
        return new Response('ok')
      },
      { spoolMax: 5 * MIB },
    )
    const held = send(url, '/hold', { method: 'POST', body: Buffer.alloc(3 * MIB) })
    await holding.promise
    const early = await raw(
      port,
      `POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: ${3 * MIB}\r\n\r\n`,
    )
    assert.match(early, /^HTTP\/1\.1 503 [\s\S]*retry-after: 5[\s\S]*TENFOLD_SPOOL_FULL/i)
    const late = await send(url, '/', {
      method: 'POST',
      headers: { 'transfer-encoding': 'chunked' },
      body: Buffer.alloc(3 * MIB),
    })
    assert.deepEqual([late.status, late.headers['retry-after']], [503, '5'])
    assert.equal((await send(url, '/', { method: 'POST', body: 'small ones need none' })).status, 200)
    hold.resolve()
    assert.equal((await held).status, 200)
    await empty()
    assert.equal((await send(url, '/', { method: 'POST', body: Buffer.alloc(3 * MIB) })).status, 200)
  })

  test('a stop in mid-upload tells its client', async (t) => {
    const { port, empty, spool, handler } = await uploads(t, () => new Response())
    const socket = await begin(port, 'content-length: 10000000', 2 * MIB)
    while (spool.bytes < MIB) await new Promise((resolve) => setImmediate(resolve))
    const answered = once(socket, 'data')
    handler.stop()
    assert.match(String((await answered)[0]), /^HTTP\/1\.1 503 [\s\S]*TENFOLD_SERVER_STOPPING/)
    socket.destroy()
    await empty()
  })
})

describe('a client that asks before it sends (Expect: 100-continue)', () => {
  const ask = (url: string, length: number): Promise<{ told: boolean; status: number }> =>
    new Promise((resolve, reject) => {
      let told = false
      const req = httpRequest(url, {
        method: 'POST',
        headers: { expect: '100-continue', 'content-length': length },
      })
      req.on('continue', () => {
        told = true
        req.end(Buffer.alloc(length))
      })
      req.on('response', (res) => {
        res.resume()
        res.on('end', () => {
          resolve({ told, status: res.statusCode! })
          req.destroy()
        })
      })
      req.on('error', reject)
      req.flushHeaders()
    })

  test('sends nothing that would be refused', async (t) => {
    const { url, empty } = await uploads(
      t,
      async (request) => new Response(String((await request.bytes()).length)),
      { bodyBytesMax: MIB },
    )
    assert.deepEqual(await ask(url, 1000), { told: true, status: 200 })
    assert.deepEqual(await ask(url, MIB), { told: true, status: 200 })
    assert.deepEqual(await ask(url, MIB + 1), { told: false, status: 413 })
    await empty()
  })

  test('and its connection ends with a refusal, so that no later request is taken for a body', async (t) => {
    let served = 0
    const { port } = await uploads(t, () => new Response(String(served++)), { bodyBytesMax: 10 })
    const answer = await raw(
      port,
      'POST / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 50\r\n\r\n',
    )
    assert.match(answer, /^HTTP\/1\.1 413 [\s\S]*connection: close/i)
    assert.equal(served, 0)
  })
})

describe('Idempotency-Key with bodies on disk', () => {
  async function keyed(t: TestContext, principal: string | null = null) {
    const spooling = await testSpool(t)
    let runs = 0
    const running = await siteWithStore(
      t,
      ({ store }) =>
        async (request) => {
          runs++
          await request.body?.cancel()
          return Response.json(await store.write(store.hash('x'), 'count', async () => runs))
        },
      { handler: { spool: spooling.spool, bodyBytesMax: 20 * MIB, principal: async () => principal } },
    )
    const post = (key: string | undefined, body: Uint8Array | string, headers: Record<string, string> = {}) =>
      send(running.url, '/', {
        method: 'POST',
        body: Buffer.from(body),
        headers: { ...(key && { 'idempotency-key': key }), ...headers },
      })
    return { ...running, post }
  }

  test('the same is applied once, another body is another request of a stranger', async (t) => {
    const { post } = await keyed(t)
    const body = randomBytes(2 * MIB)
    const other = Buffer.from(body)
    other[other.length - 1]! ^= 1
    const first = await post('k1', body)
    assert.equal(first.status, 200)
    for (const headers of [{}, { 'transfer-encoding': 'chunked' }]) {
      const again = await post('k1', body, headers as Record<string, string>)
      assert.deepEqual(
        [again.body, again.headers['tenfold-request']],
        [first.body, first.headers['tenfold-request']],
      )
    }
    assert.notEqual((await post('k1', other)).body, first.body)
    assert.notEqual((await post('k2', body)).body, first.body)
  })

  test('another body under the key of a member is a 422', async (t) => {
    const { post } = await keyed(t, 'member')
    const first = await post('k1', Buffer.alloc(MIB, 'a'))
    assert.equal((await post('k1', Buffer.alloc(MIB, 'a'))).body, first.body)
    for (const other of [Buffer.alloc(MIB, 'b'), Buffer.alloc(MIB + 1, 'a'), 'a'])
      assert.equal((await post('k1', other)).status, 422)
  })

  test('a form of megabytes has its key in a field', async (t) => {
    const { post } = await keyed(t)
    const headers = { 'content-type': 'application/x-www-form-urlencoded' }
    const form = `text=${'x'.repeat(MIB)}&_idempotency_key=k1&more=${'y'.repeat(MIB)}`
    const first = await post(undefined, form, headers)
    assert.equal((await post(undefined, form, headers)).body, first.body)
    assert.notEqual((await post(undefined, `${form}y`, headers)).body, first.body)
  })
})

test('busboy reads the stream: files of 20 MB, in parts, at the pace of whoever takes them', async (t) => {
  const { url, empty } = await uploads(
    t,
    async (request) => {
      const parser = new Busboy({
        headers: Object.fromEntries(request.headers) as never,
        limits: { fileSize: 20 * MIB },
      })
      const hashes: string[] = []
      const files: Promise<void>[] = []
      parser.on('file', (_field, stream) => {
        const hash = createHash('sha256')
        files.push(
          (async () => {
            for await (const part of stream) hash.update(part as Buffer)
            hashes.push(hash.digest('hex'))
          })(),
        )
      })
      const done = once(parser, 'finish')
      Readable.fromWeb(request.body as never).pipe(parser)
      await done
      await Promise.all(files)
      return new Response(hashes.join())
    },
    { bodyBytesMax: 25 * MIB },
  )
  const image = randomBytes(20 * MIB - 1)
  const form = new FormData()
  form.set('image', new File([image], 'a.png', { type: 'image/png' }))
  form.set('second', new File(['b'], 'b.png', { type: 'image/png' }))
  const reply = await fetch(url, { method: 'POST', body: form })
  assert.equal(await reply.text(), `${sha(image)},${sha(Buffer.from('b'))}`)
  await empty()
})
