import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, readdirSync, rmSync, watch } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { until, within } from '../kit/deadline.ts'
import { testFolder } from '../kit/folder.ts'
import { LONG } from '../kit/seed.ts'
import { ServerProcess } from '../kit/server.ts'
import { type Answer, begin, contentOf, idOf, upload } from './client.ts'

const APP = 'test/system/blobs/app.ts'
const MB = 1_000_000
const UPLOADS = 20
/**
 * Half of what is uploaded: without a bound all of it would be there. The few megabytes that are in use are the least of it: buffers that
 * nobody needs any more are collected late where the processor is busy (72 MB of them were seen), and the allocator keeps what passed.
 */
const GROWTH_MAX = 200 * MB

interface Kept {
  readonly name: string
  readonly blob: string
  readonly times: number
}

async function start(t: TestContext) {
  const dir = testFolder('tenfold-up-')
  let running: ServerProcess | undefined
  t.after(async () => {
    await running?.stop()
    rmSync(dir, { recursive: true, force: true })
  })
  const server = await ServerProcess.start(t, { app: APP, dir })
  running = server
  const state = join(dir, 'state')
  const kept = async (): Promise<Kept[]> => (await (await fetch(new URL('/', server.url))).json()) as Kept[]
  const metric = async (name: string): Promise<number> => {
    const { consoleUrl } = await server.ready()
    const text = await (await fetch(`${consoleUrl}/metrics`)).text()
    return Number(new RegExp(`^${name} (\\d+)`, 'm').exec(text)?.[1] ?? Number.NaN)
  }
  return { server, state, kept, metric }
}

/** The bytes that come back under an id are its own. */
async function assertServed(server: ServerProcess, id: string): Promise<void> {
  const response = await fetch(new URL(`/blobs/${id}`, server.url))
  assert.equal(response.status, 200)
  const hash = createHash('sha256')
  for await (const part of response.body as ReadableStream<Uint8Array>) hash.update(part)
  assert.equal(hash.digest('hex'), id)
}

test('20 uploads of 20 MB at once stay within bounded memory', async (t) => {
  const { server, state, metric } = await start(t)
  const rss = async (): Promise<number> =>
    ((await (await fetch(new URL('/memory', server.url))).json()) as { rss: number }).rss
  const all = async (round: number, bytes: number): Promise<void> => {
    const answers = await Promise.all(
      Array.from({ length: UPLOADS }, (_, at) =>
        upload(server.url, `/kept/${round}-${at}`, round * 100 + at, bytes),
      ),
    )
    for (const [at, { status, body }] of answers.entries()) {
      assert.equal(status, 201, body)
      assert.equal((JSON.parse(body) as { id: string }).id, idOf(contentOf(round * 100 + at, bytes)))
    }
  }
  // What code, connections and pools take is there before: small bodies, but as many.
  for (let round = 1; round <= 3; round++) await all(round, 300_000)
  const before = await rss()
  let peak = before
  let over = false
  const watching = (async () => {
    while (!over) peak = Math.max(peak, await rss())
  })()
  await within(all(9, 20 * MB), 'the uploads', 120_000)
  over = true
  await watching
  t.diagnostic(`resident: ${Math.round(before / MB)} MB before, ${Math.round(peak / MB)} MB at most`)
  assert.ok(peak - before < GROWTH_MAX, `grew by ${Math.round((peak - before) / MB)} MB`)
  assert.equal(await metric('tenfold_spool_bytes'), 0)
  assert.deepEqual(
    [readdirSync(join(state, 'spool')), readdirSync(join(state, 'blobs', 'incoming'))],
    [[], []],
  )
})

/** Sends again, under the same key, until there is an answer: what a client does. */
async function insist(send: () => Promise<Answer>): Promise<Answer> {
  return until('an answer', () =>
    send().then(
      (answer) => (answer.status < 500 ? answer : undefined),
      () => undefined,
    ),
  )
}

test('the server is killed in mid-upload, in mid-put and after the answer: each upload is applied once, nothing is left', async (t) => {
  const { server, state, kept, metric } = await start(t)
  const incoming = join(state, 'blobs', 'incoming')
  /** Ends the server as soon as `moment` has come. */
  const killAt = async (moment: () => Promise<void>): Promise<void> => {
    const { pid } = (await server.node('web'))!
    await moment()
    process.kill(pid!, 'SIGKILL')
    await until('another process', async () => ((await server.node('web'))?.pid ?? pid) !== pid || undefined)
    await server.ready()
  }
  const bytes = 20 * MB
  const expected: Kept[] = []
  for (let round = 0; round < (LONG ? 10 : 1); round++)
    for (const stage of ['receiving', 'storing', 'answered'] as const) {
      const number = round * 10 + stage.length
      const name = `${round}-${stage}`
      const headers = { 'idempotency-key': `key-${name}`, 'content-length': String(bytes) }
      const parts = [...contentOf(number, bytes)]
      const { req, answer } = begin(server.url, `/kept/${name}`, headers)
      await killAt(async () => {
        for (const part of parts.splice(0, parts.length / 2)) req.write(part)
        if (stage === 'receiving') {
          await until('half', async () => (await metric('tenfold_spool_bytes')) > bytes / 4 || undefined)
          return
        }
        const watcher = watch(incoming)
        const written = within(once(watcher, 'change'), 'a file of it').finally(() => watcher.close())
        for (const part of parts) req.write(part)
        req.end()
        await written
        if (stage === 'answered') assert.equal((await answer).status, 201)
      })
      req.destroy()
      assert.deepEqual([readdirSync(incoming), readdirSync(join(state, 'spool'))], [[], []], stage)
      const { status, body } = await insist(() => upload(server.url, `/kept/${name}`, number, bytes, headers))
      assert.equal(status, 201, body)
      const blob = idOf(contentOf(number, bytes))
      assert.deepEqual(JSON.parse(body), { id: blob, bytes })
      expected.push({ name, blob, times: 1 })
      await assertServed(server, blob)
    }
  assert.deepEqual(
    await kept(),
    expected.toSorted((a, b) => (a.name < b.name ? -1 : 1)),
  )
  for (const { blob } of expected)
    assert.ok(existsSync(join(state, 'blobs', blob.slice(0, 2), blob.slice(2, 4), blob)))
})
