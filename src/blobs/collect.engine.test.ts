import assert from 'node:assert/strict'
import { mkdirSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import type { Placement } from '../core/keys.ts'
import type { SystemStatement, SystemStore } from '../core/ports.ts'
import { seededRandom, systemRandom } from '../core/random.ts'
import { temporaryName } from '../core/temporary-name.ts'
import { fixture, newRequestId } from '../data/client/fixtures/fixture.ts'
import { systemStore } from '../data/client/system-store.ts'
import { TestClock } from '../testing/clock.ts'
import { Collector, KEPT_MS, SURE_MS } from './collect.ts'
import { blobFolder } from './fixtures/folder.ts'
import { Places } from './places.ts'

const LONG = process.env.TENFOLD_TEST_LONG === '1'

const HOUR = 3_600_000
const FOLDERS = 256

/** Blobs, a database on one or two clusters, a clock to put forward, and a collector that looks everywhere at once. */
async function setUp(t: TestContext, clusters = 1) {
  const data = await fixture(t, { clusters })
  const store = systemStore(data.client, systemRandom(), data.storage)
  const clock = new TestClock()
  const kept = await blobFolder(t, { store, clock })
  const places = new Places(kept.folder)
  const collectorOn = (on: SystemStore = store) =>
    new Collector(places, { store: on, clock, random: seededRandom(1), onCollected: () => {} })
  const collector = collectorOn()
  const round = (): Promise<void> => collector.sweep(FOLDERS)
  /** Runs statements as a write on the shard of a user. */
  const write = (user: number | 'home', statements: (placement: Placement | 'home') => SystemStatement[]) =>
    data.asRequest(newRequestId(), async () => {
      const run = async (
        tx: { query(sql: string, params?: readonly unknown[]): Promise<unknown> },
        at: Placement | 'home',
      ) => {
        for (const { sql, params } of statements(at)) await tx.query(sql, params)
        return null
      }
      if (user === 'home') return data.client.writeHome('keep', (tx) => run(tx, 'home'))
      const aim = data.client.target('user', user)
      return data.client.writeAt(aim, 'keep', (tx) => run(tx, aim.placement))
    })
  const put = async (text: string) => (await kept.blobs.put(Buffer.from(text), { bytesMax: 1000 })).id
  const present = async (id: string) => (await kept.blobs.stat(id)) !== null
  return { ...kept, places, clock, collectorOn, store, round, write, put, present }
}

for (const clusters of LONG ? [1, 2] : [2])
  describe(`what nothing needs is deleted, what something needs stays: ${clusters} cluster(s)`, () => {
    test('attached, at home too: kept; never attached: kept for a day, then gone', async (t) => {
      const { blobs, clock, round, write, put, present } = await setUp(t, clusters)
      const users = [1, 2, 3, 4, 5, 6]
      const kept = await Promise.all(users.map((user) => put(`kept ${user}`)))
      const home = await put('home')
      const orphan = await put('orphan')
      for (const [at, user] of users.entries())
        await write(user, (placement) => [blobs.attach(placement, kept[at]!, `photo/${user}`)])
      await write('home', (placement) => [blobs.attach(placement, home, 'logo')])
      await clock.advance(KEPT_MS - 3 * HOUR)
      await round()
      await clock.advance(2 * HOUR)
      await round()
      assert.ok(await present(orphan), 'a day is not over')
      await clock.advance(2 * HOUR)
      await round()
      assert.ok(await present(orphan), 'it was seen once only')
      await clock.advance(SURE_MS)
      await round()
      assert.equal(await present(orphan), false)
      for (const id of [...kept, home]) assert.ok(await present(id))
      await blobs.put(Buffer.from('orphan'), { bytesMax: 100 })
      assert.ok(await present(orphan), 'it may come again')
    })

    test('the last name counts; a blob of several shards stays until the last has given it up', async (t) => {
      const { blobs, clock, round, write, put, present } = await setUp(t, clusters)
      const id = await put('shared')
      for (const user of [1, 2, 3])
        await write(user, (at) => [
          blobs.attach(at, id, 'a'),
          blobs.attach(at, id, 'b'),
          blobs.attach(at, id, 'a'),
        ])
      const wait = async () => {
        for (let turn = 0; turn < 3; turn++) {
          await clock.advance(KEPT_MS + HOUR)
          await round()
        }
      }
      for (const user of [1, 2, 3]) {
        await write(user, (at) => [blobs.detach(at, id, 'a'), blobs.detach(at, id, 'never')])
        await wait()
        assert.ok(await present(id))
        await write(user, (at) => [blobs.detach(at, id, 'b')])
      }
      await wait()
      assert.equal(await present(id), false)
    })

    test('a write that is rolled back keeps nothing', async (t) => {
      const { blobs, clock, round, write, put, present } = await setUp(t, clusters)
      const id = await put('never mind')
      await assert.rejects(write(1, (at) => [blobs.attach(at, id, 'a'), { sql: 'select 1 / 0' }]))
      for (let turn = 0; turn < 3; turn++) {
        await clock.advance(KEPT_MS + HOUR)
        await round()
      }
      assert.equal(await present(id), false)
    })
  })

describe('a collector and those who need a blob in the same moment', () => {
  /** A store that lets something happen after the collector has asked. */
  const interrupted = (store: SystemStore, then: () => Promise<void>): SystemStore => ({
    ...store,
    everywhere: async (work) => {
      await store.everywhere(work)
      await then()
    },
  })

  test('attached between the question and the deletion: kept', async (t) => {
    const { blobs, clock, collectorOn, store, write, put, present } = await setUp(t)
    const id = await put('late love')
    let looks = 0
    const collector = collectorOn(
      interrupted(store, async () => {
        if (++looks === 2) await write(1, (at) => [blobs.attach(at, id, 'a')])
      }),
    )
    await clock.advance(KEPT_MS + HOUR)
    await collector.sweep(FOLDERS)
    await clock.advance(SURE_MS)
    await collector.sweep(FOLDERS)
    assert.equal(looks, 2)
    assert.ok(await present(id))
  })

  test('attached, but not committed when the collector asks: kept', async (t) => {
    const { blobs, clock, round, put, present, write } = await setUp(t)
    const id = await put('undecided')
    await clock.advance(KEPT_MS + HOUR)
    await round()
    let statement: SystemStatement | undefined
    statement = blobs.attach('home', id, 'a')
    await clock.advance(SURE_MS + 1)
    await round()
    assert.ok(await present(id))
    await write('home', () => [statement as SystemStatement])
    for (let turn = 0; turn < 3; turn++) {
      await clock.advance(KEPT_MS + HOUR)
      await round()
    }
    assert.ok(await present(id))
  })

  test('attached by another process while the collector held the file: put back', async (t) => {
    const { places, clock, collectorOn, store, put, present, files } = await setUp(t)
    const id = await put('taken')
    const file = places.file(id)
    // What is taken away is not what was looked at: the other process came right before the rename.
    const trash = places.trash
    let looks = 0
    let met = false
    Object.defineProperty(places, 'trash', {
      get: () => {
        if (looks < 2) return trash
        met = true
        const now = clock.now() / 1000
        utimesSync(file, now, now)
        return trash
      },
    })
    const collector = collectorOn(
      interrupted(store, async () => {
        looks++
      }),
    )
    await clock.advance(KEPT_MS + HOUR)
    await collector.sweep(FOLDERS)
    await clock.advance(SURE_MS)
    await collector.sweep(FOLDERS)
    assert.ok(met)
    assert.ok(await present(id))
    assert.equal(files().length, 1)
  })

  test('put again while it was found old: kept', async (t) => {
    const { blobs, clock, collectorOn, store, put, present } = await setUp(t)
    const id = await put('again')
    const collector = collectorOn(
      interrupted(store, async () => {
        await blobs.put(Buffer.from('again'), { bytesMax: 100 })
      }),
    )
    await clock.advance(KEPT_MS + HOUR)
    for (let turn = 0; turn < 3; turn++) {
      await collector.sweep(FOLDERS)
      await clock.advance(SURE_MS)
    }
    assert.ok(await present(id))
  })

  test('a wall clock that jumps deletes nothing: two looks an hour apart are needed', async (t) => {
    const { clock, put, present, places, round } = await setUp(t)
    const id = await put('jump')
    const long = (clock.now() - 10 * KEPT_MS) / 1000
    utimesSync(places.file(id), long, long)
    await round()
    await round()
    assert.ok(await present(id))
  })

  test('a cluster that does not answer: nothing is deleted', async (t) => {
    const { clock, collectorOn, store, put, present } = await setUp(t)
    const id = await put('who knows')
    const away: SystemStore = { ...store, everywhere: () => Promise.reject(new Error('away')) }
    const collector = collectorOn(away)
    for (let turn = 0; turn < 3; turn++) {
      await clock.advance(KEPT_MS + HOUR)
      await assert.rejects(collector.sweep(FOLDERS), /away/)
    }
    assert.ok(await present(id))
  })
})

describe('what killed processes leave', () => {
  const HERE = temporaryName(systemRandom()).slice(0, 8)
  const named = (host: string, pid: number, born: number) => `${host}.${pid}.${born}.${'0'.repeat(24)}.tmp`
  /** No process has it: larger than the kernel's largest. */
  const GONE = 2 ** 22 + 1

  test('files of processes that are gone go, those of living ones stay', async (t) => {
    assert.ok(hostname())
    const { places, files, round } = await setUp(t)
    const own = temporaryName(systemRandom())
    const leftovers = [named(HERE, GONE, 5), named(HERE, process.pid, 5)]
    const others = [own, named('00000000', GONE, 5), named(HERE, process.ppid, 5), 'not-ours']
    for (const name of [...leftovers, ...others]) writeFileSync(join(places.incoming, name), 'x')
    await round()
    assert.deepEqual(files(), others.map((name) => `incoming/${name}`).sort())
    const old = 1000
    for (const name of others) utimesSync(join(places.incoming, name), old, old)
    await round()
    assert.deepEqual(files(), ['incoming/not-ours'])
  })

  test('a file that a killed collector held goes back to its place, unless it is there again', async (t) => {
    const { places, put, present, round, files } = await setUp(t)
    const [first, second] = [await put('first'), await put('second')]
    for (const id of [first, second])
      renameSync(places.file(id), join(places.trash, `${id}-${named(HERE, GONE, 5)}`))
    rmSync(places.folder(first), { recursive: true })
    await put('second')
    const before = statSync(places.file(second)).ino
    mkdirSync(join(places.root, 'zz'))
    await round()
    assert.ok((await present(first)) && (await present(second)))
    assert.equal(statSync(places.file(second)).ino, before)
    assert.equal(files().filter((name) => name.startsWith('trash')).length, 0)
  })
})
