import assert from 'node:assert/strict'
import { existsSync, readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { describe, test } from 'node:test'
import { startTest } from '../testing/index.ts'
import { tenfold } from './define.ts'

const LONG = process.env.TENFOLD_TEST_LONG === '1'

interface Schema {
  users: { id: string; name: string }
  totals: { name: string; count: number }
}

const t = tenfold<Schema>()({ keys: { user: { type: 'bigint', columns: { users: 'id' } } } })
const app = t.app({
  name: 'keeper',
  migrations: new URL('../testing/fixture/migrations/', import.meta.url),
  bodyBytesMax: 10_000_000,
  fetch: (system) => async (request) => {
    const { pathname } = new URL(request.url)
    const [, user = '', id = ''] = pathname.split('/')
    if (request.method !== 'POST') return system.blobs.respond(request, id, { type: 'image/png' })
    const blob = await system.blobs.put(request.body as ReadableStream<Uint8Array>, { bytesMax: 10_000_000 })
    await system.shard.user(user).write('keep', async (tx) => tx.attach(blob.id, 'face'))
    return Response.json(blob, { status: 201 })
  },
})

const IMAGE = Buffer.alloc(3_000_000, 'picture ')
const MISSING = 'ab'.repeat(32)

for (const clusters of LONG ? ([1, 2] as const) : ([2] as const))
  describe(`blobs of an application, ${clusters} cluster(s)`, () => {
    test('uploaded as a stream, kept by a write, served by the handler', async () => {
      await using running = await startTest(app, { clusters })
      const ids = new Set<string>()
      for (const user of ['1', '2', '3', '4']) {
        const stored = await running.fetch(`/${user}/`, { method: 'POST', body: IMAGE })
        assert.equal(stored.status, 201)
        ids.add(((await stored.json()) as { id: string }).id)
      }
      const [id = ''] = ids
      assert.equal(ids.size, 1)
      const served = await running.fetch(`/1/${id}`)
      assert.deepEqual(Buffer.from(await served.arrayBuffer()), IMAGE)
      assert.equal(served.headers.get('etag'), `"${id}"`)
      assert.match(served.headers.get('cache-control') ?? '', /immutable/)
      const part = await running.fetch(`/1/${id}`, { headers: { range: 'bytes=1000000-1999999' } })
      assert.equal(part.status, 206)
      assert.deepEqual(Buffer.from(await part.arrayBuffer()), IMAGE.subarray(1_000_000, 2_000_000))
      assert.equal((await running.fetch(`/1/${id}`, { headers: { 'if-none-match': `"${id}"` } })).status, 304)
      const head = await running.fetch(`/1/${id}`, { method: 'HEAD' })
      assert.equal(head.headers.get('content-length'), String(IMAGE.length))
      assert.equal((await running.fetch(`/1/${MISSING}`)).status, 404)
      const rows: unknown[] = []
      for (const name of clusters === 1 ? ['c0'] : ['c0', 'c1'])
        rows.push(
          ...(await running
            .sql(name)
            .query("select name, encode(blob, 'hex') as blob from tenfold.blob_refs")),
        )
      assert.deepEqual(rows, Array(4).fill({ name: 'face', blob: id }))
    })

    test('what is not there cannot be attached: the write fails, and nothing of it is applied', async () => {
      await using running = await startTest(app, { clusters })
      const { system } = running
      const user = system.shard.user('7')
      await assert.rejects(
        user.write('keep', async (tx) => {
          await tx.db.insertInto('users').values({ id: '7', name: 'Seven' }).execute()
          tx.attach(MISSING, 'face')
        }),
        { code: 'TENFOLD_BLOB_MISSING', status: 404 },
      )
      assert.deepEqual(await user.read((db) => db.selectFrom('users').selectAll().execute()), [])
      assert.equal(
        await user.write('caught', async (tx) => {
          try {
            tx.attach(MISSING, 'face')
            return 'attached'
          } catch {
            return 'caught'
          }
        }),
        'caught',
      )
    })

    test('attached and detached at home and on shards', async () => {
      await using running = await startTest(app, { clusters })
      const { system } = running
      const { id } = await system.blobs.put(Buffer.from('small'), { bytesMax: 10 })
      const count = async (): Promise<number> => {
        let all = 0
        for (const name of clusters === 1 ? ['c0'] : ['c0', 'c1'])
          all += (await running.sql(name).query('select from tenfold.blob_refs')).length
        return all
      }
      await system.home.write('keep', async (tx) => tx.attach(id, 'logo'))
      await system.shard.user('1').write('keep 1', async (tx) => tx.attach(id, 'face'))
      await system.shard.user('2').write('keep 2', async (tx) => tx.attach(id, 'face'))
      assert.equal(await count(), 3)
      await system.shard.user('1').write('drop 1', async (tx) => tx.detach(id, 'face'))
      await system.home.write('drop', async (tx) => tx.detach(id, 'logo'))
      await system.home.write('change', async (tx) => {
        tx.detach(id, 'logo')
        tx.attach(id, 'logo')
        tx.detach(id, 'logo')
      })
      assert.equal(await count(), 1)
      assert.equal(String(await buffer(system.blobs.read(id))), 'small')
      assert.ok(existsSync(await system.blobs.file(id)))
    })
  })

test('the files of a test app go with it, also when its start fails', async () => {
  const folders = (): string[] =>
    ['/dev/shm', tmpdir()].flatMap((base) =>
      existsSync(base)
        ? readdirSync(base)
            .filter((name) => name.startsWith(`tenfold-test-${process.pid}-`))
            .map((name) => join(base, name))
        : [],
    )
  const running = await startTest(app)
  const file = await running.system.blobs.file(
    (await running.system.blobs.put(Buffer.from('x'), { bytesMax: 1 })).id,
  )
  assert.ok(existsSync(file))
  await running.stop()
  assert.ok(!existsSync(file))
  const before = folders()
  const broken = t.app({
    name: 'broken',
    migrations: new URL('../testing/fixture/migrations/', import.meta.url),
    fetch: () => {
      throw new Error('no handler')
    },
  })
  await assert.rejects(startTest(broken), /no handler/)
  assert.deepEqual(folders(), before)
})
