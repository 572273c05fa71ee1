import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { statSync } from 'node:fs'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { describe, test } from 'node:test'
import { blobFolder } from './fixtures/folder.ts'

const sha = (bytes: Uint8Array | string): string => createHash('sha256').update(bytes).digest('hex')
const MIB = 1024 * 1024

async function* parts(count: number, bytes: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < count; at++) yield Buffer.alloc(bytes, at)
}

const whole = async (content: AsyncIterable<Uint8Array>): Promise<Buffer> => buffer(content)

describe('storing a blob', () => {
  test('its name is the hash of its content, and it lies in two levels of folders', async (t) => {
    const { blobs, files } = await blobFolder(t)
    const stored = await blobs.put(Buffer.from('hello'), { bytesMax: 10 })
    const id = sha('hello')
    assert.deepEqual(stored, { id, bytes: 5 })
    assert.deepEqual(files(), [`${id.slice(0, 2)}/${id.slice(2, 4)}/${id}`])
    assert.deepEqual(await blobs.stat(id), { id, bytes: 5 })
    assert.equal(String(await whole(blobs.read(id))), 'hello')
    assert.equal(statSync(await blobs.file(id)).mode & 0o777, 0o600)
  })

  test('parts, streams of either kind and nothing at all are content', async (t) => {
    const { blobs } = await blobFolder(t)
    const expected = await whole(parts(20, 100_000))
    const web = ReadableStream.from(parts(20, 100_000)) as ReadableStream<Uint8Array>
    for (const content of [expected, parts(20, 100_000), Readable.from(parts(20, 100_000)), web])
      assert.deepEqual(await blobs.put(content, { bytesMax: 2_000_000 }), {
        id: sha(expected),
        bytes: 2_000_000,
      })
    assert.deepEqual(await blobs.put(new Uint8Array(0), { bytesMax: 0 }), { id: sha(''), bytes: 0 })
    assert.equal((await whole(blobs.read(sha('')))).length, 0)
  })

  test('the same content twice, also at once, is one file', async (t) => {
    const { blobs, files } = await blobFolder(t)
    const all = await Promise.all(
      Array.from({ length: 12 }, () => blobs.put(parts(8, 70_000), { bytesMax: MIB })),
    )
    assert.equal(new Set(all.map(({ id }) => id)).size, 1)
    assert.equal(files().length, 1)
    assert.equal((await whole(blobs.read(all[0]!.id))).length, 560_000)
  })

  test('content that is too large ends at the part that is too much, and leaves nothing', async (t) => {
    const { blobs, files } = await blobFolder(t)
    let drawn = 0
    let closed = false
    async function* endless(): AsyncGenerator<Uint8Array> {
      try {
        for (;;) {
          drawn++
          yield Buffer.alloc(1000)
        }
      } finally {
        closed = true
      }
    }
    await assert.rejects(blobs.put(endless(), { bytesMax: 4_999 }), {
      code: 'TENFOLD_BLOB_TOO_LARGE',
      status: 413,
    })
    assert.equal(drawn, 5)
    assert.ok(closed)
    await assert.rejects(blobs.put(Buffer.alloc(11), { bytesMax: 10 }), { code: 'TENFOLD_BLOB_TOO_LARGE' })
    assert.deepEqual(files(), [])
  })

  test('an abort ends also the wait for a source that is silent, and leaves nothing', async (t) => {
    const { blobs, files } = await blobFolder(t)
    const asked = Promise.withResolvers<void>()
    async function* silent(): AsyncGenerator<Uint8Array> {
      yield Buffer.alloc(10)
      asked.resolve()
      await new Promise(() => {})
    }
    const stop = new AbortController()
    const putting = blobs.put(silent(), { bytesMax: 100, signal: stop.signal })
    await asked.promise
    stop.abort(new Error('enough'))
    await assert.rejects(putting, /enough/)
    await assert.rejects(blobs.put(Buffer.alloc(1), { bytesMax: 1, signal: stop.signal }), /enough/)
    assert.deepEqual(files(), [])
  })

  test('a source that fails, or yields text, leaves nothing', async (t) => {
    const { blobs, files } = await blobFolder(t)
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield Buffer.alloc(10)
      throw new Error('cut off')
    }
    await assert.rejects(blobs.put(failing(), { bytesMax: 100 }), /cut off/)
    await assert.rejects(blobs.put(Readable.from(['text']) as never, { bytesMax: 100 }), {
      code: 'TENFOLD_BLOB_OPTION',
    })
    await assert.rejects(blobs.put(Buffer.alloc(1), {} as never), { code: 'TENFOLD_BLOB_OPTION' })
    assert.deepEqual(files(), [])
  })

  test('no file stays open', async (t) => {
    const { blobs } = await blobFolder(t)
    const { id } = await blobs.put(parts(10, 100_000), { bytesMax: MIB })
    for await (const part of blobs.read(id)) if (part.length > 0) break
    const response = await blobs.respond(new Request('http://a.test/'), id, { type: 'image/png' })
    await response.body?.cancel()
    await blobs.respond(new Request('http://a.test/'), id, { type: 'image/png' }) // thrown away unread
    await assert.rejects(blobs.put(parts(10, 100_000), { bytesMax: 10 }))
    const { readdirSync, readlinkSync } = await import('node:fs')
    const open = readdirSync('/proc/self/fd').filter((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`).includes('tenfold-blobs-')
      } catch {
        return false
      }
    })
    assert.deepEqual(open, [])
  })
})
