import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { blobFolder } from '../../../src/blobs/fixtures/folder.ts'
import { testFolder } from '../kit/folder.ts'
import { ServerProcess } from '../kit/server.ts'
import { type Answer, begin, contentOf, upload } from './client.ts'

const APP = 'test/system/blobs/app.ts'
const MB = 1_000_000
const mayMount = process.platform === 'linux' && process.getuid?.() === 0

/** Of `ulimit -f`, in the shell's blocks of 512 bytes. */
const BLOCKS = 100

test('a limit on the size of files: DiskFull, and nothing is left', async (t) => {
  const { folder, files } = await blobFolder(t)
  const putter = fileURLToPath(new URL('putter.ts', import.meta.url))
  const conditions = process.execArgv.filter((arg) => arg.startsWith('--conditions'))
  const command = [process.execPath, ...conditions, putter, folder, '7', 'none']
    .map((part) => `'${part}'`)
    .join(' ')
  const { status, stderr, stdout } = spawnSync('sh', ['-c', `ulimit -f ${BLOCKS}; exec ${command}`], {
    encoding: 'utf8',
  })
  assert.notEqual(status, 0, stdout)
  assert.match(stderr, /TENFOLD_DISK_FULL/)
  assert.deepEqual(files(), [])
})

for (const [place, code] of [
  ['spool', 507],
  ['blobs', 507],
] as const)
  test(`the disk of ${place} is full in mid-upload: a clear answer, nothing is left, the server goes on`, {
    skip: mayMount ? false : 'needs root on Linux to mount a small disk',
  }, async (t) => {
    const dir = testFolder('tenfold-full-')
    const disk = join(dir, 'state', place)
    mkdirSync(disk, { recursive: true })
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=12m,mode=0700', 'tmpfs', disk])
    let running: ServerProcess | undefined
    t.after(async () => {
      await running?.stop()
      execFileSync('umount', ['--lazy', disk])
      rmSync(dir, { recursive: true, force: true })
    })
    const server = await ServerProcess.start(t, { app: APP, dir })
    running = server
    const full = ({ status, body }: Answer): void => {
      assert.equal(status, code, body)
      const problem = JSON.parse(body) as { code: string; detail: string }
      assert.equal(problem.code, 'TENFOLD_DISK_FULL')
      assert.ok(!problem.detail.includes(dir), 'no path is told to a client')
    }
    const left = (): string[] =>
      readdirSync(disk, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map(({ name }) => name)
    for (let round = 0; round < 3; round++) {
      full(await upload(server.url, `/kept/${round}`, round, 20 * MB))
      const chunked = begin(server.url, `/kept/${round}`, { 'transfer-encoding': 'chunked' })
      for (const part of contentOf(round, 20 * MB)) chunked.req.write(part)
      chunked.req.end()
      full(await chunked.answer)
      assert.deepEqual(left(), [])
      assert.equal((await upload(server.url, `/kept/small-${round}`, round, 500_000)).status, 201)
      if (place === 'blobs')
        for (const name of readdirSync(disk))
          if (name.length === 2) rmSync(join(disk, name), { recursive: true })
    }
    const rows = (await (await fetch(new URL('/', server.url))).json()) as { name: string }[]
    assert.deepEqual(
      rows.map(({ name }) => name),
      ['small-0', 'small-1', 'small-2'],
    )
  })
