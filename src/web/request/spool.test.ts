import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { systemRandom } from '../../core/random.ts'
import { temporaryName } from '../../core/temporary-name.ts'
import { testSpool } from '../fixtures/spool.ts'
import { formIdempotencyKey, spooledFormKey } from './form-key.ts'
import type { SpooledBody } from './spooled-body.ts'

const FORM = 'application/x-www-form-urlencoded'
const sha = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('base64url')

async function stored(t: TestContext, ...parts: Uint8Array[]): Promise<SpooledBody> {
  const { spool } = await testSpool(t)
  const file = spool.file(true)
  await file.append(parts)
  const body = file.finish()
  t.after(() => body.release())
  return body
}

test('what was written is read: whole, in parts, as a stream, several times and at once', async (t) => {
  const content = Buffer.from(Array.from({ length: 300_001 }, (_, at) => at % 251))
  const body = await stored(t, content.subarray(0, 1), content.subarray(1, 70_000), content.subarray(70_000))
  assert.equal(body.size, content.length)
  assert.equal(body.hash, sha(content))
  const all = await Promise.all([
    body.bytes(),
    buffer(body.parts()),
    buffer(body.stream() as never),
    new Response(body.stream() as never).bytes(),
  ])
  for (const one of all) assert.deepEqual(Buffer.from(one), content)
})

test('a reader that brings its own buffers ends, too', async (t) => {
  const body = await stored(t, Buffer.alloc(100_000, 'x'))
  const reader = body.stream().getReader({ mode: 'byob' })
  let read = 0
  for (;;) {
    const { done, value } = await reader.read(new Uint8Array(30_000))
    if (done) break
    read += value.byteLength
  }
  assert.equal(read, 100_000)
})

test('a file has no name; released or abandoned, it is gone and its room is free', async (t) => {
  const { spool, open, names, folder } = await testSpool(t)
  const file = spool.file(false)
  await file.append([Buffer.alloc(1000)])
  assert.deepEqual([names(), open(), spool.bytes], [[], 1, 1000])
  const body = file.finish()
  assert.equal(body.hash, undefined)
  body.release()
  body.release()
  await assert.rejects(body.bytes(), { code: 'TENFOLD_BODY_RELEASED' })
  await assert.rejects(buffer(body.stream() as never), { code: 'TENFOLD_BODY_RELEASED' })
  const given = spool.file(false)
  const writing = given.append([Buffer.alloc(5_000_000)])
  given.abandon()
  await writing
  spool.file(false).abandon()
  // Closing is what frees the room: wait for the last of it.
  while (spool.bytes > 0) await new Promise((resolve) => setImmediate(resolve))
  assert.equal(open(), 0)
  assert.equal(statSync(folder).mode & 0o777, 0o700)
})

test('there is room for so many bytes and no more', async (t) => {
  const { spool } = await testSpool(t, { bytesMax: 1000 })
  const [one, two] = [spool.file(false), spool.file(false)]
  await one.append([Buffer.alloc(600)])
  await assert.rejects(two.append([Buffer.alloc(401)]), {
    code: 'TENFOLD_SPOOL_FULL',
    status: 503,
    retryAfterSeconds: 5,
  })
  assert.throws(() => spool.admit(401), { code: 'TENFOLD_SPOOL_FULL' })
  spool.admit(400)
  one.abandon()
  two.abandon()
  while (spool.bytes > 0) await new Promise((resolve) => setImmediate(resolve))
  spool.admit(1000)
})

test('what a killed process left goes at the start, what a living one writes stays', async (t) => {
  const first = await testSpool(t)
  const gone = `${temporaryName(systemRandom()).slice(0, 8)}.${2 ** 22 + 1}.1.${'0'.repeat(24)}.tmp`
  const living = temporaryName(systemRandom())
  for (const name of [gone, living, 'other']) writeFileSync(join(first.folder, name), 'x')
  mkdirSync(join(first.folder, 'folder'))
  await testSpool(t, { folder: first.folder })
  assert.deepEqual(readdirSync(first.folder).sort(), [living, 'folder', 'other'].sort())
  utimesSync(join(first.folder, living), 1, 1)
  await testSpool(t, { folder: first.folder })
  assert.deepEqual(readdirSync(first.folder).sort(), ['folder', 'other'])
})

test('the key of a form on disk is the key that the same form has in memory', async (t) => {
  const { spool } = await testSpool(t)
  const field = fc.oneof(
    fc.constantFrom(
      'a=1',
      '_idempotency_key=k1',
      '_idempotency_key=',
      '_idempotency_key=%6b%32',
      '_idempotency_key',
      'x_idempotency_key=3',
      '',
      `long=${'y'.repeat(70_000)}`,
    ),
    fc.stringMatching(/^[a-z_=%&]{0,8}$/),
  )
  const outcome = async (work: () => unknown): Promise<unknown> => {
    try {
      return await work()
    } catch (error) {
      return (error as Error).name
    }
  }
  await fc.assert(
    fc.asyncProperty(fc.array(field, { maxLength: 5 }), async (fields) => {
      const bytes = Buffer.from(fields.join('&'))
      const file = spool.file(true)
      await file.append([bytes])
      const body = file.finish()
      const expected = await outcome(() => formIdempotencyKey(FORM, bytes))
      assert.equal(await outcome(() => spooledFormKey(FORM, body)), expected)
      assert.equal(await spooledFormKey('application/json', body), undefined)
      body.release()
    }),
    {
      numRuns: 300,
      examples: [[[`long=${'y'.repeat(65_520)}`, '_idempotency_key=over-the-edge-of-a-part']]],
    },
  )
})
