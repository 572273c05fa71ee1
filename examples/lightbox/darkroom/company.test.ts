import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Socket } from 'node:net'
import os from 'node:os'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { Darkroom } from './darkroom.ts'
import { DarkroomFailed } from './refusal.ts'

const keepNothing = { variant: async () => {} }

/** A photo that is done when the test says so. */
interface Photo {
  readonly path: string
  /** Each time that it is opened: calling it is the end of the work. */
  arrival(): Promise<() => void>
  readonly arrivals: number
}

async function photos(t: TestContext, count: number): Promise<Photo[]> {
  const folder = await mkdtemp(join(os.tmpdir(), 'darkroom-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const photo = async (at: number): Promise<Photo> => {
    const path = join(folder, String(at))
    let arrivals = 0
    const server = createServer((socket) => {
      arrivals++
      socket.on('error', () => {})
    }).listen(path)
    await once(server, 'listening')
    t.after(() => server.close())
    const arrival = async (): Promise<() => void> => {
      const [socket] = (await once(server, 'connection')) as [Socket]
      return () => socket.end('done')
    }
    return {
      path,
      arrival,
      get arrivals() {
        return arrivals
      },
    }
  }
  return Promise.all(Array.from({ length: count }, (_, at) => photo(at)))
}

function room(t: TestContext): Darkroom {
  const darkroom = new Darkroom({ module: new URL('./fixtures/company.ts', import.meta.url) })
  t.after(() => darkroom.stop())
  return darkroom
}

describe('two photos in the image process', () => {
  test('one is opened while the other is finished, and no third', async (t) => {
    const darkroom = room(t)
    const [first, second, third] = (await photos(t, 3)) as [Photo, Photo, Photo]
    const opened = [first.arrival(), second.arrival(), third.arrival()] as const
    const made = [first, second, third].map(({ path }) => darkroom.develop(path, {}, keepNothing))
    const finish = await Promise.all([opened[0], opened[1]])
    assert.equal(third.arrivals, 0)
    finish[0]()
    const finishThird = await opened[2]
    finish[1]()
    finishThird()
    await Promise.all(made)
    assert.deepEqual([first.arrivals, second.arrivals, third.arrivals], [1, 1, 1])
  })

  test('one that crashes takes the other with it only once', async (t) => {
    const darkroom = room(t)
    const [innocent, guilty] = (await photos(t, 2)) as [Photo, Photo]
    const opened = innocent.arrival()
    const made = darkroom.develop(innocent.path, {}, keepNothing)
    await opened
    const again = innocent.arrival()
    const failed = darkroom.develop(guilty.path, { blur: 1 }, keepNothing)
    await assert.rejects(failed, /was ended by SIGSEGV/)
    ;(await again)()
    await made
    assert.equal(innocent.arrivals, 2)
  })

  test('one that is not wanted any more costs the other a beginning', async (t) => {
    const darkroom = room(t)
    const [wanted, unwanted] = (await photos(t, 2)) as [Photo, Photo]
    const abort = new AbortController()
    const opened = [wanted.arrival(), unwanted.arrival()]
    const made = darkroom.develop(wanted.path, {}, keepNothing)
    const failed = darkroom.develop(unwanted.path, {}, { ...keepNothing, signal: abort.signal })
    await Promise.all(opened)
    const again = wanted.arrival()
    abort.abort(new Error('not wanted any more'))
    await assert.rejects(failed, /not wanted any more/)
    ;(await again)()
    await made
    assert.deepEqual([wanted.arrivals, unwanted.arrivals], [2, 1])
  })

  test('all that is there or waits fails when the darkroom is closed', async (t) => {
    const darkroom = room(t)
    const some = await photos(t, 3)
    const opened = some.slice(0, 2).map((photo) => photo.arrival())
    const made = some.map(({ path }) => darkroom.develop(path, {}, keepNothing))
    const settled = Promise.allSettled(made)
    await Promise.all(opened)
    await darkroom.stop()
    for (const result of await settled)
      assert.ok(result.status === 'rejected' && result.reason instanceof DarkroomFailed)
    await assert.rejects(darkroom.develop(some[0]!.path, {}, keepNothing), DarkroomFailed)
    assert.equal(darkroom.pid, undefined)
  })
})
