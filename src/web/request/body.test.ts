import assert from 'node:assert/strict'
import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { testSpool } from '../fixtures/spool.ts'
import { BodyReader, MEMORY_BYTES_MAX } from './body.ts'
import type { Spool } from './spool.ts'
import { SpooledBody } from './spooled-body.ts'

/** A request whose body has arrived as a whole before anyone reads it. */
function arrived(pieces: readonly Buffer[]): IncomingMessage {
  const stream = new Readable({ read: () => {}, highWaterMark: 1 << 24 })
  for (const piece of pieces) stream.push(piece)
  stream.push(null)
  return Object.assign(stream, {
    headers: {},
    socket: { destroyed: false },
    complete: true,
  }) as unknown as IncomingMessage
}

async function read(spool: Spool, pieces: readonly Buffer[]): Promise<{ bytes: Buffer; onDisk: boolean }> {
  const reader = new BodyReader(arrived(pieces), { bytesMax: 1 << 24, spool }, false)
  const body = await reader.arrived
  const onDisk = body instanceof SpooledBody
  const bytes = Buffer.from(onDisk ? await body.bytes() : body)
  reader.release()
  return { bytes, onDisk }
}

async function assertWhole(t: TestContext, sizes: readonly number[]): Promise<void> {
  const { spool } = await testSpool(t)
  const pieces = sizes.map((size, at) => Buffer.alloc(size, at + 1))
  const whole = Buffer.concat(pieces)
  const { bytes, onDisk } = await read(spool, pieces)
  assert.equal(bytes.length, whole.length)
  assert.ok(bytes.equals(whole))
  assert.equal(onDisk, whole.length > MEMORY_BYTES_MAX)
}

test('a stream that ends with the piece that is being written', (t) => assertWhole(t, [40_000, 40_000]))
test('one that ends right behind it', (t) => assertWhole(t, [40_000, 40_000, 1]))
test('one piece that is just small enough, and one that is not', async (t) => {
  await assertWhole(t, [MEMORY_BYTES_MAX])
  await assertWhole(t, [MEMORY_BYTES_MAX + 1])
})
test('more pieces than are kept beside each other', (t) => assertWhole(t, Array(3_000).fill(37)))

test('whatever the pieces, the body is their sum', async (t) => {
  const { spool } = await testSpool(t)
  const size = fc.oneof(
    fc.integer({ min: 1, max: 100 }),
    fc.integer({ min: 30_000, max: 70_000 }),
    fc.constant(MEMORY_BYTES_MAX),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(size, { maxLength: 12 }), async (sizes) => {
      const pieces = sizes.map((length, at) => Buffer.alloc(length, at + 1))
      const { bytes } = await read(spool, pieces)
      assert.ok(bytes.equals(Buffer.concat(pieces)))
    }),
    { numRuns: 300 },
  )
})
