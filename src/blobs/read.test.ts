import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { chmodSync, truncateSync, utimesSync, writeFileSync } from 'node:fs'
import { buffer } from 'node:stream/consumers'
import { describe, test } from 'node:test'
import { systemClock } from '../core/clock.ts'
import { createMetrics } from '../telemetry/metrics.ts'
import { blobFolder } from './fixtures/folder.ts'

const whole = async (content: AsyncIterable<Uint8Array>): Promise<Buffer> => buffer(content)
const TEXT = 'abcdefghijklmnopqrstuvwxyz'
const LARGE = Buffer.alloc(1_000_003, 'tenfold ')
const NAMES = [
  '',
  'x',
  '../../etc/passwd',
  'A'.repeat(64),
  `${'a'.repeat(63)}/`,
  'a'.repeat(65),
  `${'a'.repeat(64)}\0`,
  null,
]

describe('reading a blob', () => {
  test('parts are asked for as of a slice', async (t) => {
    const { blobs } = await blobFolder(t)
    const { id } = await blobs.put(Buffer.from(TEXT), { bytesMax: 100 })
    const part = async (start: number, end: number) => String(await whole(blobs.read(id, { start, end })))
    assert.equal(await part(0, 3), 'abc')
    assert.equal(await part(24, 99), 'yz')
    assert.equal(await part(5, 5), '')
    assert.equal(await part(50, 60), '')
  })

  test('a name that is none leads nowhere', async (t) => {
    const { blobs } = await blobFolder(t)
    for (const name of NAMES as string[]) {
      assert.equal(await blobs.stat(name), null)
      await assert.rejects(whole(blobs.read(name)), { code: 'TENFOLD_BLOB_MISSING', status: 404 })
      await assert.rejects(blobs.file(name), { code: 'TENFOLD_BLOB_MISSING' })
      await assert.rejects(blobs.verify(name), { code: 'TENFOLD_BLOB_MISSING' })
      assert.throws(() => blobs.attach('home', name, 'x'), { code: 'TENFOLD_BLOB_MISSING' })
      assert.throws(() => blobs.detach('home', name, 'x'), { code: 'TENFOLD_BLOB_MISSING' })
      const answer = await blobs.respond(new Request('http://a.test/'), name, { type: 'image/png' })
      assert.equal(answer.status, 404)
      assert.equal(((await answer.json()) as { code: string }).code, 'TENFOLD_BLOB_MISSING')
    }
  })

  test('a damaged file is reported, not served: cut, longer, other bytes, also behind the back of a process that knew it', async (t) => {
    const metrics = createMetrics({ processMetrics: false })
    const { blobs, another } = await blobFolder(t, { metrics })
    const damage: [string, (file: string) => void][] = [
      ['cut', (file) => truncateSync(file, 10)],
      ['empty', (file) => truncateSync(file, 0)],
      ['longer', (file) => writeFileSync(file, `${TEXT}!`)],
      ['other bytes', (file) => writeFileSync(file, TEXT.toUpperCase())],
    ]
    for (const [how, harm] of damage) {
      const { id } = await blobs.put(Buffer.from(TEXT), { bytesMax: 100 })
      const file = await blobs.file(id)
      harm(file)
      const at = systemClock.now() / 1000 + 100
      utimesSync(file, at, at)
      for (const one of [blobs, await another()]) {
        await assert.rejects(whole(one.read(id)), { code: 'TENFOLD_BLOB_DAMAGED' }, how)
        await assert.rejects(one.file(id), { code: 'TENFOLD_BLOB_DAMAGED' }, how)
        await assert.rejects(one.verify(id), { code: 'TENFOLD_BLOB_DAMAGED' }, how)
        await assert.rejects(one.respond(new Request('http://a.test/'), id, { type: 'text/plain' }), {
          code: 'TENFOLD_BLOB_DAMAGED',
          status: 500,
        })
      }
      await blobs.put(Buffer.from(TEXT), { bytesMax: 100 })
      assert.equal(String(await whole(blobs.read(id))), TEXT, 'the same content mends it')
      await blobs.verify(id)
    }
    assert.match(await metrics.text(), /tenfold_blobs_damaged_total [1-9]/)
  })

  test('verify finds what kept its size and time', async (t) => {
    const { blobs } = await blobFolder(t)
    const { id } = await blobs.put(Buffer.from(TEXT), { bytesMax: 100 })
    const file = await blobs.file(id)
    utimesSync(file, 1000, 1000)
    await blobs.verify(id)
    chmodSync(file, 0o600)
    writeFileSync(file, TEXT.toUpperCase())
    utimesSync(file, 1000, 1000)
    await assert.rejects(blobs.verify(id), { code: 'TENFOLD_BLOB_DAMAGED' })
  })
})

describe('answering with a blob', () => {
  const get = (headers: Record<string, string> = {}, method = 'GET') =>
    new Request('http://a.test/photo', { method, headers })
  const PNG = { type: 'image/png' }

  for (const [size, content] of [
    ['small', Buffer.from(TEXT)],
    ['large', LARGE],
  ] as const)
    test(`whole, conditional, in ranges, and its head only: ${size}`, async (t) => {
      const { blobs } = await blobFolder(t)
      const { id, bytes } = await blobs.put(content, { bytesMax: 10_000_000 })
      const etag = `"${id}"`
      const full = await blobs.respond(get(), id, PNG)
      assert.equal(full.status, 200)
      assert.deepEqual(Object.fromEntries(full.headers), {
        'accept-ranges': 'bytes',
        'cache-control': 'public, max-age=31536000, immutable',
        'content-length': String(bytes),
        'content-type': 'image/png',
        etag,
        'x-content-type-options': 'nosniff',
      })
      assert.deepEqual(Buffer.from(await full.arrayBuffer()), content)

      for (const tag of [etag, `W/${etag}`, `"x", ${etag}`, '*']) {
        const same = await blobs.respond(get({ 'if-none-match': tag, range: 'bytes=0-1' }), id, PNG)
        assert.deepEqual([same.status, same.body, same.headers.get('etag')], [304, null, etag])
      }
      assert.equal((await blobs.respond(get({ 'if-none-match': '"x"' }), id, PNG)).status, 200)

      const ranges: [string, number, number][] = [
        ['bytes=0-0', 0, 1],
        ['bytes=3-9', 3, 10],
        ['bytes=-5', bytes - 5, bytes],
        ['bytes=7-', 7, bytes],
        [`bytes=${bytes - 1}-${bytes + 99}`, bytes - 1, bytes],
      ]
      for (const [range, first, end] of ranges)
        for (const extra of [{}, { 'if-range': etag }]) {
          const part = await blobs.respond(get({ range, ...extra }), id, PNG)
          assert.equal(part.status, 206)
          assert.equal(part.headers.get('content-range'), `bytes ${first}-${end - 1}/${bytes}`)
          assert.equal(part.headers.get('content-length'), String(end - first))
          assert.deepEqual(Buffer.from(await part.arrayBuffer()), content.subarray(first, end))
        }
      for (const headers of [
        { range: 'bytes=0-1', 'if-range': '"other"' },
        { range: 'bytes=0-1', 'if-range': `W/${etag}` },
        { range: 'bytes=0-1', 'if-range': 'Wed, 21 Oct 2015 07:28:00 GMT' },
        { range: 'bytes=0-1,3-4' },
        { range: 'pages=1-2' },
        { range: 'bytes=5-2' },
      ])
        assert.equal((await blobs.respond(get(headers), id, PNG)).status, 200)

      const beyond = await blobs.respond(get({ range: `bytes=${bytes}-` }), id, PNG)
      assert.deepEqual(
        [beyond.status, beyond.headers.get('content-range'), beyond.headers.get('cache-control')],
        [416, `bytes */${bytes}`, null],
      )

      const head = await blobs.respond(get({ range: 'bytes=0-1' }, 'HEAD'), id, PNG)
      assert.deepEqual(
        [head.status, head.body, head.headers.get('content-length')],
        [200, null, String(bytes)],
      )
    })

  test('an empty blob has no range', async (t) => {
    const { blobs } = await blobFolder(t)
    const { id } = await blobs.put(new Uint8Array(0), { bytesMax: 0 })
    assert.deepEqual([(await blobs.respond(get(), id, PNG)).headers.get('content-length')], ['0'])
    assert.equal((await blobs.respond(get({ range: 'bytes=0-' }), id, PNG)).status, 416)
  })

  test('what a browser would run is shut in; a file to save says its name in any language', async (t) => {
    const { blobs } = await blobFolder(t)
    const { id } = await blobs.put(Buffer.from('<svg/>'), { bytesMax: 10 })
    const policy = async (type: string) =>
      (await blobs.respond(get(), id, { type })).headers.get('content-security-policy')
    for (const type of ['text/html', 'image/svg+xml', 'application/xhtml+xml', 'TEXT/XML'])
      assert.match((await policy(type)) ?? '', /default-src 'none'.*sandbox/)
    assert.equal(await policy('image/avif'), null)
    const saved = await blobs.respond(get(), id, {
      type: 'image/png',
      filename: 'Möwe "1"\r\n%.png',
      cacheControl: 'private',
    })
    assert.equal(
      saved.headers.get('content-disposition'),
      `attachment; filename="M_we _1____.png"; filename*=UTF-8''M%C3%B6we%20%221%22%0D%0A%25.png`,
    )
    assert.equal(saved.headers.get('cache-control'), 'private')
  })

  test('a reader that goes on while the file is deleted gets all of it', async (t) => {
    const { blobs, folder } = await blobFolder(t)
    const { id } = await blobs.put(LARGE, { bytesMax: LARGE.length })
    const answer = await blobs.respond(get(), id, PNG)
    const reader = answer.body!.getReader()
    const hash = createHash('sha256').update((await reader.read()).value!)
    const { rmSync } = await import('node:fs')
    rmSync(folder, { recursive: true })
    for (let next = await reader.read(); !next.done; next = await reader.read()) hash.update(next.value)
    assert.equal(hash.digest('hex'), id)
  })
})
