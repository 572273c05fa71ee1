import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { get as httpGet } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import fc from 'fast-check'
import { parseRange } from '../../core/byte-range.ts'
import { systemClock } from '../../core/clock.ts'
import { silentLogger } from '../../core/log.ts'
import { send, site } from '../fixtures/site.ts'
import { createAssets } from './assets.ts'
import { acceptedEncodings } from './encode.ts'

const CSS = 'body { color: red }\n'.repeat(200)

async function start(t: TestContext, options: { watch?: boolean } = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'tenfold-assets-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  await mkdir(join(folder, 'img'))
  await writeFile(join(folder, 'app.css'), CSS)
  await writeFile(join(folder, 'img/a b.svg'), '<svg xmlns="http://www.w3.org/2000/svg"/>')
  await writeFile(join(folder, 'data.bin'), Buffer.from(Array.from({ length: 100 }, (_, i) => i)))
  await writeFile(join(folder, 'empty.txt'), '')
  await writeFile(join(folder, '.secret'), 'x')
  await writeFile(`${folder}.outside`, 'outside')
  t.after(() => rm(`${folder}.outside`, { force: true }))
  await symlink(`${folder}.outside`, join(folder, 'link.txt'))
  const assets = createAssets({
    folder: pathToFileURL(`${folder}/`),
    log: silentLogger,
    clock: systemClock,
    ...options,
  })
  await assets.start()
  t.after(() => assets.stop())
  const running = await site(t, () => new Response('the app', { status: 404 }), { assets })
  const get = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
    send(running.url, path, { headers, method })
  return { folder, assets, get, ...running }
}

const bytesOf = (url: string, headers: Record<string, string>): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    httpGet(url, { headers }, async (res) => resolve(Buffer.concat(await res.toArray()))).on('error', reject)
  })

test('a hashed URL is immutable and whole; the plain one is cached shortly', async (t) => {
  const { assets, get } = await start(t)
  const url = assets.url('app.css')
  assert.match(url, /^\/assets\/app\.[0-9a-f]{12}\.css$/)
  assert.equal(assets.url('/app.css'), url)
  const reply = await get(url)
  assert.equal(reply.body, CSS)
  assert.equal(reply.headers['cache-control'], 'public, max-age=31536000, immutable')
  assert.equal(reply.headers['content-type'], 'text/css; charset=utf-8')
  assert.equal(reply.headers['x-content-type-options'], 'nosniff')
  assert.ok(reply.headers['tenfold-request'])
  assert.equal((await get('/assets/app.css')).headers['cache-control'], 'public, max-age=60')
  const svg = await get(assets.url('img/a b.svg'))
  assert.match(String(svg.headers['content-security-policy']), /default-src 'self'/)
  assert.equal((await get('/other')).body, 'the app')
})

test('conditions, HEAD and empty files', async (t) => {
  const { assets, get } = await start(t)
  const url = assets.url('app.css')
  const { etag } = (await get(url)).headers
  for (const tag of [etag!, `W/${etag}`, `"x", ${etag}`, '*'])
    assert.equal((await get(url, { 'if-none-match': tag })).status, 304)
  assert.equal((await get(url, { 'if-none-match': '"x"' })).status, 200)
  const head = await get(url, {}, 'HEAD')
  assert.deepEqual([head.status, head.headers['content-length'], head.body], [200, String(CSS.length), ''])
  assert.deepEqual(
    [(await get('/assets/empty.txt')).status, (await get('/assets/empty.txt')).body],
    [200, ''],
  )
})

test('text is compressed as the client likes it, other things are not', async (t) => {
  const { assets, get, url: base } = await start(t)
  const url = assets.url('app.css')
  for (const [accept, encoding] of [
    ['gzip, br', 'br'],
    ['gzip', 'gzip'],
    ['br;q=0.1, gzip;q=0.9', 'gzip'],
    ['br;q=0, *', 'gzip'],
    ['deflate', undefined],
    ['*', 'br'],
    ['', undefined],
  ] as const) {
    const reply = await get(url, { 'accept-encoding': accept })
    assert.equal(reply.headers['content-encoding'], encoding, accept)
    assert.equal(reply.headers.vary, 'accept-encoding')
  }
  assert.equal(String(brotliDecompressSync(await bytesOf(base + url, { 'accept-encoding': 'br' }))), CSS)
  assert.equal(String(gunzipSync(await bytesOf(base + url, { 'accept-encoding': 'gzip' }))), CSS)
  const bin = await get(assets.url('data.bin'), { 'accept-encoding': 'br' })
  assert.deepEqual([bin.headers['content-encoding'], bin.headers.vary], [undefined, undefined])
  assert.deepEqual(acceptedEncodings('BR ; Q=0.5 , GZip'), ['gzip', 'br'])
})

test('ranges', async (t) => {
  const { assets, get, url: base } = await start(t)
  const url = assets.url('data.bin')
  assert.deepEqual([...(await bytesOf(base + url, { range: 'bytes=10-12' }))], [10, 11, 12])
  const reply = await get(url, { range: 'bytes=-2' })
  assert.deepEqual(
    [reply.status, reply.headers['content-range'], reply.headers['content-length']],
    [206, 'bytes 98-99/100', '2'],
  )
  const beyond = await get(url, { range: 'bytes=100-' })
  assert.deepEqual([beyond.status, beyond.headers['content-range']], [416, 'bytes */100'])
  assert.equal((await get(url, { range: 'bytes=0-1', 'if-range': '"old"' })).status, 200)
  assert.equal((await get(url, { range: 'bytes=0-1', 'if-range': reply.headers.etag! })).status, 206)
  assert.equal((await get(url, { range: 'bytes=0-1,5-6' })).status, 200)
  fc.assert(
    fc.property(fc.nat(50), fc.option(fc.nat(60)), fc.option(fc.nat(60)), (size, from, to) => {
      const range = parseRange(`bytes=${from ?? ''}-${to ?? ''}`, size)
      if (typeof range === 'object')
        assert.ok(range.first >= 0 && range.first <= range.last && range.last < size)
    }),
  )
})

test('nothing but the folder’s own files is served', async (t) => {
  const { get, assets } = await start(t)
  const outside = [
    '.secret',
    'link.txt',
    '..%2f..%2fetc%2fpasswd',
    '%2e%2e/app.css',
    'img/..%2fapp.css',
    'img',
    'img/',
    '',
    'app.css/',
    'app.css%20',
    'APP.CSS',
    './/app.css',
    'app.000000000000.css',
    '%5c..%5capp.css',
    '__proto__',
    'constructor',
  ]
  for (const path of outside) {
    const reply = await get(`/assets/${path}`)
    assert.equal(reply.status, 404, path)
    assert.ok(!reply.body.includes('outside') && !reply.body.includes('root:'))
  }
  assert.equal((await get('/assets/app.css', {}, 'POST')).body, 'the app')
  assert.throws(() => assets.url('.secret'), { code: 'TENFOLD_ASSET_MISSING' })
})

test('a missing asset suggests the one that was meant', async (t) => {
  const { assets } = await start(t)
  const remedy = (path: string): string => {
    try {
      return assets.url(path)
    } catch (error) {
      return (error as { remedy: string }).remedy
    }
  }
  assert.match(remedy('ap.css'), /"app\.css"/)
  assert.match(remedy('css/app.css'), /"app\.css"/)
  assert.match(remedy('a b.svg'), /"img\/a b\.svg"/)
  assert.match(remedy('nothing like it at all'), /folder of assets/)
})

test('a changed file gets another name, and in watch mode by itself', async (t) => {
  const { assets, folder, get } = await start(t, { watch: true })
  const before = assets.url('app.css')
  await writeFile(join(folder, 'app.css'), 'new')
  // The watcher looks 50 ms after the last change; ask until it has, each time over a real connection.
  while (assets.url('app.css') === before) await get('/assets/app.css')
  assert.equal((await get(assets.url('app.css'))).body, 'new')
  assert.equal((await get(before)).status, 404)
})

test('a file that changed behind our back is not sent as the old one', async (t) => {
  const { assets, folder, get } = await start(t)
  await writeFile(join(folder, 'data.bin'), 'short')
  assert.equal((await get(assets.url('data.bin'))).status, 404)
})

test('a folder that is not there is told at the start', async () => {
  const assets = createAssets({
    folder: new URL('file:///nowhere/at/all/'),
    log: silentLogger,
    clock: systemClock,
  })
  await assert.rejects(assets.start(), { code: 'TENFOLD_ASSETS_UNREADABLE' })
})
