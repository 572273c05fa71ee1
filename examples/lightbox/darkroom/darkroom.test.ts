import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server, type Socket } from 'node:net'
import os from 'node:os'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { Darkroom, type DarkroomOptions } from './darkroom.ts'
import { picture } from './fixtures/images.ts'
import { DarkroomFailed, ImageRefused } from './refusal.ts'

const fixture = (name: string): URL => new URL(`./fixtures/${name}.ts`, import.meta.url)

async function folder(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(os.tmpdir(), 'darkroom-'))
  t.after(() => rm(path, { recursive: true, force: true }))
  return path
}

function room(t: TestContext, options: DarkroomOptions = {}): Darkroom {
  const darkroom = new Darkroom(options)
  t.after(() => darkroom.stop())
  return darkroom
}

async function small(t: TestContext): Promise<string> {
  const path = join(await folder(t), 'small')
  await writeFile(path, await picture(40, 30).png().toBuffer())
  return path
}

const keepNothing = { variant: async () => {} }

/** A hanging image process connects here when it has its order; the connection closes when it is gone. */
async function listen(t: TestContext): Promise<{ path: string; server: Server }> {
  const path = join(await folder(t), 'socket')
  const server = createServer().listen(path)
  await once(server, 'listening')
  t.after(() => server.close())
  return { path, server }
}

async function arrival(server: Server): Promise<{ gone: Promise<unknown> }> {
  const [socket] = (await once(server, 'connection')) as [Socket]
  return {
    gone: once(
      socket.resume().on('error', () => {}),
      'close',
    ),
  }
}

describe('the image process', () => {
  test('starts when it is needed and ends when there is nothing to do', async (t) => {
    const darkroom = room(t, { idleMs: 0 })
    assert.equal(darkroom.pid, undefined)
    const path = await small(t)
    for (const _ of [1, 2]) {
      let working: number | undefined
      await darkroom.develop(
        path,
        {},
        {
          variant: async () => {
            working = darkroom.pid
          },
        },
      )
      assert.ok(working)
      await darkroom.idle()
      assert.equal(darkroom.pid, undefined)
    }
  })

  test('is the only one that loads native code for images', async () => {
    const look = `await import(process.argv[1])
      console.log(process.report.getReport().sharedObjects.filter((path) => /sharp|vips/.test(path)).join())`
    const app = new URL('../app.ts', import.meta.url).href
    const conditions = process.execArgv.filter((arg) => arg.startsWith('--conditions'))
    const child = spawn(process.execPath, [...conditions, '--input-type=module', '-e', look, app])
    let output = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
    const [code] = await once(child, 'close')
    assert.equal(code, 0)
    assert.equal(output.trim(), '')
  })

  test('is used again while it is there', async (t) => {
    const darkroom = room(t)
    const path = await small(t)
    await darkroom.develop(path, {}, keepNothing)
    const { pid } = darkroom
    await assert.rejects(darkroom.develop('/nowhere', {}, keepNothing), DarkroomFailed)
    await darkroom.develop(path, {}, keepNothing)
    assert.equal(darkroom.pid, pid)
  })

  for (const [name, said] of [
    ['crash', /was ended by SIGSEGV/],
    ['leave', /ended with code 3\. out of colours/],
  ] as const) {
    test(`fails what it worked on and nothing else: ${name}`, async (t) => {
      const darkroom = room(t, { module: fixture(name) })
      const path = await small(t)
      const results = await Promise.allSettled([1, 2].map(() => darkroom.develop(path, {}, keepNothing)))
      for (const result of results) {
        assert.ok(result.status === 'rejected' && result.reason instanceof DarkroomFailed)
        assert.match(result.reason.message, said)
      }
    })
  }

  test('is killed when it is killed, and the next photo gets a new one', async (t) => {
    const darkroom = room(t)
    const path = await small(t)
    await darkroom.develop(path, {}, keepNothing)
    process.kill(darkroom.pid ?? assert.fail('it is there'), 'SIGKILL')
    const first = darkroom.develop(path, {}, keepNothing)
    await Promise.allSettled([first])
    await darkroom.develop(path, {}, keepNothing)
  })

  test('is killed when a photo takes too long', async (t) => {
    const { path, server } = await listen(t)
    const darkroom = room(t, { module: fixture('hang'), deadlineMs: 2000 })
    const arrived = arrival(server)
    const failed = assert.rejects(darkroom.develop(path, {}, keepNothing), /it took longer than 2000 ms/)
    await (await arrived).gone
    await failed
    assert.equal(darkroom.pid, undefined)
  })

  test('is killed when the work is aborted; who waits in line leaves at once', async (t) => {
    const { path, server } = await listen(t)
    const darkroom = room(t, { module: fixture('hang') })
    const [works, waits] = [new AbortController(), new AbortController()]
    const arrived = arrival(server)
    const working = darkroom.develop(path, {}, { ...keepNothing, signal: works.signal })
    const waiting = darkroom.develop(path, {}, { ...keepNothing, signal: waits.signal })
    const { gone } = await arrived
    waits.abort(new Error('left the line'))
    await assert.rejects(waiting, /left the line/)
    assert.ok(darkroom.pid)
    works.abort(new Error('not wanted any more'))
    await assert.rejects(working, /not wanted any more/)
    await gone
    await assert.rejects(
      darkroom.develop(path, {}, { ...keepNothing, signal: AbortSignal.abort(new Error('late')) }),
      /late/,
    )
  })

  test('does not outlive its server', async (t) => {
    const { path, server } = await listen(t)
    const arrived = arrival(server)
    const owner = spawn(process.execPath, [
      ...process.execArgv.filter((arg) => arg.startsWith('--conditions')),
      fixture('server').pathname,
      path,
    ])
    t.after(() => owner.kill('SIGKILL'))
    const { gone } = await arrived
    owner.kill('SIGKILL')
    await gone
  })

  test('does not know what the server knows', async (t) => {
    process.env.LIGHTBOX_TEST_SECRET = 'secret'
    t.after(() => delete process.env.LIGHTBOX_TEST_SECRET)
    const darkroom = room(t, { module: fixture('environment') })
    await assert.rejects(darkroom.develop('', {}, keepNothing), (error: Error) => {
      assert.doesNotMatch(error.message, /secret/)
      return /UV_THREADPOOL_SIZE/.test(error.message)
    })
  })

  test('a photo that could not be stored fails, and the process goes on', async (t) => {
    const darkroom = room(t)
    const path = await small(t)
    const full = async (): Promise<void> => Promise.reject(new Error('the disk is full'))
    await assert.rejects(darkroom.develop(path, {}, { variant: full }), /the disk is full/)
    await darkroom.develop(path, {}, keepNothing)
  })

  test('refusals carry a sentence for a person', async (t) => {
    const path = join(await folder(t), 'text')
    await writeFile(path, 'hello')
    const refused = await room(t)
      .develop(path, {}, keepNothing)
      .catch((error: unknown) => error)
    assert.ok(refused instanceof ImageRefused)
    assert.match(refused.message, /^This is not a picture that can be read here\./)
  })
})
