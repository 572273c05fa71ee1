import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const APP = fileURLToPath(new URL('../app.ts', import.meta.url))
const SEED = fileURLToPath(new URL('../seed/main.ts', import.meta.url))
const TENFOLD = join(
  dirname(createRequire(import.meta.url).resolve('tenfold/package.json')),
  'bin',
  'tenfold.js',
)

const run = promisify(execFile)
const node = (...args: string[]) => run(process.execPath, args)

/** Lightbox as `npm start` starts it, on a folder of its own. */
async function startLightbox(data: string): Promise<{ url: string } & AsyncDisposable> {
  const args = [
    TENFOLD,
    'start',
    APP,
    '--data',
    data,
    '--port',
    '0',
    '--console-port',
    '0',
    '--clusters',
    '2',
    '--json',
  ]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  child.stderr.on('data', (chunk: Buffer) => {
    said += chunk
  })
  const ended = once(child, 'exit')
  const line = await Promise.race([
    once(child.stdout, 'data'),
    ended.then(() => Promise.reject(new Error(said))),
  ])
  const { url } = JSON.parse(String(line[0])) as { url: string }
  return {
    url,
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGTERM')
      await ended
    },
  }
}

describe('npm run seed', () => {
  test('adds people to a system that runs, and says how many', async (t) => {
    const data = mkdtempSync(join(tmpdir(), 'lightbox-seed-'))
    t.after(() => rmSync(data, { recursive: true, force: true }))
    await using lightbox = await startLightbox(data)
    const { stdout, stderr } = await node(SEED, '--users', '50', '--data', data)
    assert.equal(stdout, '')
    assert.match(stderr, /^50 people are there, after \d+\.\d s \(\d+ people\/s\)\.$/m)
    const last = await fetch(`${lightbox.url}/users/1000049`)
    assert.equal(last.status, 200)
    assert.equal((await fetch(`${lightbox.url}/users/1000050`)).status, 404)
  })

  test('says what is wrong with a flag, and where there is no system', async () => {
    for (const args of [
      [],
      ['--users', '0'],
      ['--users', 'x'],
      ['--user', '5'],
      ['--users', '5', '--seed', '-1'],
    ]) {
      await assert.rejects(node(SEED, ...args), { code: 2, stderr: /^seed: .*--(users?|seed)/ })
    }
    const nowhere = join(tmpdir(), 'there-is-no-such-folder')
    await assert.rejects(node(SEED, '--users', '5', '--data', nowhere), {
      code: 1,
      stderr: /There is no database/,
    })
    assert.match((await node(SEED, '--help')).stdout, /^npm run seed/)
  })
})
