import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { picture } from '../../../examples/lightbox/darkroom/fixtures/images.ts'
import { until } from '../kit/deadline.ts'
import { testFolder } from '../kit/folder.ts'
import { chooseSeed, Dice } from '../kit/seed.ts'
import { ServerProcess } from '../kit/server.ts'
import { checkFiles, checkKept, everywhere, leftovers, made } from './photo-checks.ts'
import { imageForm, Photographer } from './photographer.ts'

const PAGE_BYTES = 4096
const skip =
  process.platform === 'linux' && process.getuid?.() === 0
    ? false
    : 'needs root on Linux to mount a small disk'

/** Uncompressed: as many bytes as it has pixels, three times. */
const png = (width: number, height: number): Promise<Buffer> =>
  picture(width, height).png({ compressionLevel: 0 }).toBuffer()

/** Lightbox, one of whose folders is a disk of 12 MB. */
async function cramped(t: TestContext, place: 'spool' | 'blobs') {
  const dir = testFolder('tenfold-full-')
  const state = join(dir, 'state')
  const disk = join(state, place)
  mkdirSync(disk, { recursive: true })
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=12m,mode=0700', 'tmpfs', disk])
  let running: ServerProcess | undefined
  t.after(async () => {
    await running?.stop()
    execFileSync('umount', ['--lazy', disk])
    rmSync(dir, { recursive: true, force: true })
  })
  const server = await ServerProcess.start(t, { app: 'test/system/lightbox/steps/app.ts', dir })
  running = server
  const person = new Photographer(server.url, new Dice(chooseSeed()), new Map())
  await person.signUp('walker')
  return { server, person, clusters: await server.connections(), disk, dir, state }
}

const filesIn = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => name)
    .sort()

/** Of somebody who has just signed up, as a browser keeps it. */
async function cookieOf(server: ServerProcess): Promise<string> {
  const who = { handle: 'browser', firstName: 'Kit', lastName: 'Person', password: 'a long enough password' }
  const answer = await fetch(`${server.url}/api/accounts`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(who),
  })
  assert.equal(answer.status, 201)
  return answer.headers
    .getSetCookie()
    .map((one) => one.split(';')[0])
    .join('; ')
}

async function refusedByTheApi(server: ServerProcess, cookie: string, image: Uint8Array): Promise<string> {
  const { body, type } = await imageForm(image)
  const headers = { cookie, 'content-type': type }
  const answer = await fetch(`${server.url}/api/photos`, { method: 'POST', headers, body })
  assert.equal(answer.status, 507)
  assert.equal(answer.headers.get('retry-after'), '30')
  const problem = (await answer.json()) as { code: string; detail: string }
  assert.equal(problem.code, 'TENFOLD_DISK_FULL')
  return problem.detail
}

/** The form of the pages: a person is told so on a page. */
async function refusedOnAPage(server: ServerProcess, cookie: string, image: Uint8Array): Promise<string> {
  const { body, type } = await imageForm(image, { text: 'Look', _idempotency_key: 'a-key-of-the-form' })
  const headers = { cookie, accept: 'text/html', 'content-type': type }
  const answer = await fetch(`${server.url}/posts`, { method: 'POST', headers, body, redirect: 'manual' })
  assert.equal(answer.status, 507)
  assert.match(answer.headers.get('content-type') ?? '', /^text\/html/)
  assert.equal(answer.headers.get('retry-after'), '30')
  return answer.text()
}

const THEIR_JOBS = "select attempt, error from tenfold.jobs where name = 'renderPhoto'"

for (const place of ['spool', 'blobs'] as const)
  test(`the disk of ${place} is full in mid-upload: a clear answer, no photo, no job, nothing left; small ones go on (FAULTS case 12)`, {
    skip,
  }, async (t) => {
    const { server, person, clusters, disk, dir, state } = await cramped(t, place)
    const large = await png(2500, 2000)
    const cookie = await cookieOf(server)
    for (let round = 0; round < 3; round++) {
      const before = filesIn(disk)
      const detail = await refusedByTheApi(server, cookie, large)
      assert.match(detail, /^The disk of the (uploads|blobs) is full/)
      assert.ok(!detail.includes(dir), 'no path is told to a client')
      const page = await refusedOnAPage(server, cookie, large)
      assert.match(page, place === 'spool' ? /The disk of the uploads is full/ : /We have no room left/)
      assert.ok(!page.includes(dir), 'no path is told to a person')
      assert.deepEqual(filesIn(disk), before)
      assert.equal((await everywhere(clusters, 'select from photos')).length, round)
      assert.deepEqual(await everywhere(clusters, THEIR_JOBS), [])
      await person.upload(await png(300 + round, 200))
      await made(person, person.photos.at(-1)!, 3)
    }
    assert.deepEqual(await everywhere(clusters, 'select from posts'), [])
    assert.deepEqual(leftovers(state), [])
    assert.deepEqual(await checkKept(clusters, new Set(person.photos.map(({ id }) => id))), [])
    assert.deepEqual(await checkFiles(state, clusters), [])
  })

test('the disk is full while variants are stored: the job fails with the reason, and makes the photo when there is room', {
  skip,
}, async (t) => {
  const { server, person, clusters, disk, state } = await cramped(t, 'blobs')
  const image = await png(300, 200)
  const { bavail, bsize } = statfsSync(disk)
  assert.equal(bsize, PAGE_BYTES)
  // Room for the file that is sent, and for one page of all that is made of it.
  const room = Math.ceil(image.length / PAGE_BYTES) + 1
  writeFileSync(join(disk, 'ballast'), Buffer.alloc((bavail - room) * PAGE_BYTES))
  const { id } = await person.upload(image)
  const failed = await until('a failed run', async () =>
    (await everywhere<{ attempt: number; error: string | null }>(clusters, THEIR_JOBS)).find(
      ({ error }) => error !== null,
    ),
  )
  assert.match(failed.error ?? '', /^TENFOLD_DISK_FULL: The disk of the blobs is full/)
  assert.equal((await person.see(id)).status, 'processing')
  const logged = /TENFOLD_DISK_FULL.*a job failed and runs again/
  await until('the line of the log', () => (logged.test(server.logTail()) ? true : undefined))
  rmSync(join(disk, 'ballast'))
  await made(person, person.photos[0]!, 3)
  assert.deepEqual(await checkKept(clusters, new Set([id])), [])
  assert.deepEqual(leftovers(state), [])
  assert.deepEqual(await checkFiles(state, clusters), [])
})
