import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { FrameReader, FrameRefused, frame } from './frames.ts'

const BYTES_MAX = 1_000

test('frames come out as they went in, however the stream is cut', () => {
  const texts = fc.array(fc.string({ minLength: 1, maxLength: 200, unit: 'binary' }), { maxLength: 20 })
  fc.assert(
    fc.property(texts, fc.array(fc.nat(40), { minLength: 1 }), (sent, cuts) => {
      const stream = Buffer.concat(sent.map(frame))
      const reader = new FrameReader(BYTES_MAX)
      const received: string[] = []
      for (let at = 0, turn = 0; at < stream.length; turn++) {
        const size = cuts[turn % cuts.length]! + 1
        received.push(...reader.read(stream.subarray(at, at + size)))
        at += size
      }
      assert.deepEqual(
        received,
        sent.map((text) => Buffer.from(text).toString()),
      )
    }),
  )
})

test('a frame that is too long, or empty, is refused by its head', () => {
  const head = Buffer.alloc(4)
  for (const length of [0, BYTES_MAX + 1, 0xffffffff]) {
    head.writeUInt32BE(length)
    assert.throws(() => [...new FrameReader(BYTES_MAX).read(head)], FrameRefused)
  }
  const longest = 'x'.repeat(BYTES_MAX)
  assert.deepEqual([...new FrameReader(BYTES_MAX).read(frame(longest))], [longest])
})

test('what stands before a refused frame is read', () => {
  const reader = new FrameReader(BYTES_MAX)
  const read: string[] = []
  assert.throws(() => {
    for (const text of reader.read(Buffer.concat([frame('good'), Buffer.alloc(4)]))) read.push(text)
  }, FrameRefused)
  assert.deepEqual(read, ['good'])
})
