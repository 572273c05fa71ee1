import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { systemClock } from '../../core/clock.ts'
import { systemRandom } from '../../core/random.ts'
import { mergeSeen, NOTHING_SEEN, type Seen, type SeenScope } from '../../core/seen.ts'
import { TestClock } from '../../testing/clock.ts'
import { CookieJar } from '../../testing/cookies.ts'
import { send, site } from '../fixtures/site.ts'
import { SeenTokens } from './token.ts'
import { WebSeen } from './web-seen.ts'

const KEY = Buffer.alloc(32, 7)
const OTHER_KEY = Buffer.alloc(32, 8)
const DIRECTORY = { clusters: ['c0', 'c1'], directoryEpoch: 1 }
const at = (lsn: bigint, timeline = 1) => ({ lsn, timeline })

type Work = (seen: SeenScope, request: Request) => unknown

/** A site whose app does with the seen scope what the test says; the answer is JSON. */
async function seenSite(t: TestContext, work: Work, { keys = [KEY], secureCookies = false } = {}) {
  const seen = new WebSeen({ signingKeys: keys, random: systemRandom(), directory: DIRECTORY, secureCookies })
  const running = await site(
    t,
    async (request) => {
      const said = await work(running.contexts.current()!.seen!, request)
      return said instanceof Response ? said : Response.json(said ?? null)
    },
    { seen },
  )
  return running
}

const pair = (line: string): string => line.split(';', 1)[0]!

test('a request that asks and tells nothing costs nothing: no header, no cookie', async (t) => {
  const { url } = await seenSite(t, () => null)
  const forged = { cookie: 'tenfold-seen-a=1~c0:1:0/1:0/1.aaaaaaaaaaaaaaaaaaaaaa' }
  for (const headers of [{}, forged, { authorization: 'Bearer x' }]) {
    const reply = await send(url, '/', { headers })
    assert.deepEqual([reply.headers['tenfold-seen'], reply.headers['set-cookie']], [undefined, undefined])
  }
})

test('a browser gets a cookie under a new name, and it is expired once it was merged', async (t) => {
  let lsn = 0n
  const { url } = await seenSite(t, (seen, request) => {
    if (request.url.endsWith('/write')) seen.wrote('c0', at(++lsn))
    return String(seen.of('c0')?.lsn)
  })
  const first = await send(url, '/write')
  assert.equal(first.headers['tenfold-seen'], undefined)
  assert.equal(first.headers['cache-control'], 'private')
  const [line = '', ...more] = first.headers['set-cookie']!
  assert.match(
    line,
    /^tenfold-seen-[\w-]{8}=1~c0:1:0\/1:0\/0\.[\w-]{22}; Path=\/; HttpOnly; SameSite=Lax; Max-Age=86400$/,
  )
  assert.deepEqual(more, [])
  const read = await send(url, '/read', { headers: { cookie: pair(line) } })
  assert.deepEqual([JSON.parse(read.body), read.headers['set-cookie']], ['1', undefined])
  const second = await send(url, '/write', { headers: { cookie: `${pair(line)}; tenfold-seen-other=x` } })
  const [next = '', ...expired] = second.headers['set-cookie']!
  assert.notEqual(pair(next).split('=')[0], pair(line).split('=')[0])
  assert.match(next, /c0:1:0\/2:0\/0/)
  assert.deepEqual(expired, [`${pair(line).split('=')[0]}=; Path=/; Max-Age=0`])
})

test('with TLS the cookies are bound to the host', async (t) => {
  const { url } = await seenSite(
    t,
    (seen) => {
      seen.wrote('c0', at(9n))
      return String(seen.of('c1')?.lsn)
    },
    {
      secureCookies: true,
    },
  )
  const c1: Seen = {
    clusters: new Map([['c1', { timeline: 1, wrote: 5n, read: 0n, copied: 0n }]]),
    directoryEpoch: 1,
  }
  const token = new SeenTokens([KEY]).sign(c1)
  const reply = await send(url, '/', { headers: { cookie: `__Host-tenfold-seen-a=${token}` } })
  assert.equal(JSON.parse(reply.body), '5')
  assert.match(reply.headers['set-cookie']![0]!, /^__Host-tenfold-seen-.*; Secure$/)
  assert.equal(reply.headers['set-cookie']![1], '__Host-tenfold-seen-a=; Path=/; Max-Age=0; Secure')
  const planted = await send(url, '/', { headers: { cookie: `tenfold-seen-a=${token}` } })
  assert.equal(JSON.parse(planted.body), 'undefined')
})

test('API clients get the header and no cookie', async (t) => {
  const { url } = await seenSite(t, (seen, request) => {
    if (request.url.endsWith('/write')) seen.wrote('c0', at(7n))
    if (request.url.endsWith('/ask')) return String(seen.of('c0')?.lsn)
    return null
  })
  const ask = (path: string, headers: Record<string, string>) => send(url, path, { headers })
  const bearer = { authorization: 'Bearer x' }
  const first = await ask('/write', bearer)
  assert.equal(first.headers['set-cookie'], undefined)
  const token = String(first.headers['tenfold-seen'])
  assert.match(token, /^1~c0:1:0\/7:0\/0\./)
  assert.equal(first.headers['cache-control'], undefined)
  // A client that says that it speaks the header, with nothing to say yet.
  assert.equal((await ask('/write', { 'tenfold-seen': '' })).headers['tenfold-seen'], token)
  assert.equal((await ask('/ask', { 'tenfold-seen': '' })).headers['tenfold-seen'], undefined)
  const asked = await ask('/ask', { 'tenfold-seen': token })
  assert.deepEqual([JSON.parse(asked.body), asked.headers['tenfold-seen']], ['7', token])
  assert.equal((await ask('/', { 'tenfold-seen': token })).headers['tenfold-seen'], token)
  const other: Seen = {
    clusters: new Map([['c1', { timeline: 2, wrote: 3n, read: 4n, copied: 0n }]]),
    directoryEpoch: 1,
  }
  const both = await ask('/', { 'tenfold-seen': `${token}, ${new SeenTokens([KEY]).sign(other)} ,junk` })
  assert.match(String(both.headers['tenfold-seen']), /^1~c0:1:0\/7:0\/0~c1:2:0\/3:0\/4\./)
  // A browser behind Basic authentication keeps its cookies.
  assert.ok((await ask('/write', { authorization: 'Basic eA==' })).headers['set-cookie'])
})

test('forged, foreign, damaged and endless tokens are nothing; those of the future are harmless (case 16)', async (t) => {
  const { url } = await seenSite(t, (seen, request) => {
    const before = String(seen.of('c0')?.lsn)
    if (request.url.endsWith('/write')) seen.wrote('c0', at(50n))
    return before
  })
  const future: Seen = {
    clusters: new Map([['c0', { timeline: 9, wrote: 2n ** 63n, read: 0n, copied: 0n }]]),
    directoryEpoch: 99,
  }
  const mine = new SeenTokens([KEY]).sign(future)
  const foreign = new SeenTokens([OTHER_KEY]).sign(future)
  for (const bad of [
    foreign,
    mine.slice(0, -1),
    `${mine}a`,
    mine.replace('9', '8'),
    '%00',
    '"',
    'x',
    'a'.repeat(9_000),
  ])
    for (const headers of [{ cookie: `tenfold-seen-a=${bad}` }, { 'tenfold-seen': bad }]) {
      const reply = await send(url, '/', { headers })
      assert.deepEqual(
        [reply.status, JSON.parse(reply.body), reply.headers['set-cookie']],
        [200, 'undefined', undefined],
      )
    }
  const cookie = `tenfold-seen-a=${mine}`
  const asked = await send(url, '/', { headers: { cookie } })
  assert.equal(JSON.parse(asked.body), String(2n ** 63n))
  // Its next own commit shows that this history is not ours.
  const healed = await send(url, '/write', { headers: { cookie } })
  assert.match(healed.headers['set-cookie']![0]!, /=99~c0:1:0\/32:0\/0\./)
  assert.match(healed.headers['set-cookie']![1]!, /^tenfold-seen-a=; /)
})

test('tokens live through a rotation of keys', async (t) => {
  const write: Work = (seen) => {
    const before = String(seen.of('c0')?.lsn)
    seen.wrote('c0', at(50n))
    return before
  }
  const old = await seenSite(t, write)
  const both = await seenSite(t, write, { keys: [OTHER_KEY, KEY] })
  const fresh = await seenSite(t, write, { keys: [OTHER_KEY] })
  const cookie = pair((await send(old.url, '/')).headers['set-cookie']![0]!)
  const renewed = await send(both.url, '/', { headers: { cookie } })
  assert.deepEqual([JSON.parse(renewed.body), renewed.headers['set-cookie']], ['50', undefined])
  const raised = await seenSite(t, (seen) => seen.wrote('c0', at(60n)), { keys: [OTHER_KEY, KEY] })
  const next = pair((await send(raised.url, '/', { headers: { cookie } })).headers['set-cookie']![0]!)
  assert.equal(JSON.parse((await send(fresh.url, '/', { headers: { cookie: next } })).body), '60')
  // A node that does not know a key yet must not throw away what others will understand.
  const unknown = await send(old.url, '/', { headers: { cookie: next } })
  assert.deepEqual([JSON.parse(unknown.body), unknown.headers['set-cookie']?.length], ['undefined', 1])
})

test('problem answers and streams tell what is known when their head leaves', async (t) => {
  const { url } = await seenSite(t, (seen, request) => {
    seen.wrote('c0', at(5n))
    if (request.url.endsWith('/fails')) throw new Error('after the commit')
    const late = async function* () {
      seen.wrote('c0', at(6n))
      yield new TextEncoder().encode('late')
    }
    return new Response(ReadableStream.from(late()), { headers: { 'cache-control': 'public' } })
  })
  const failed = await send(url, '/fails')
  assert.equal(failed.status, 500)
  assert.match(failed.headers['set-cookie']![0]!, /c0:1:0\/5:0\/0/)
  const streamed = await send(url, '/stream')
  assert.equal(streamed.body, 'late')
  assert.match(streamed.headers['set-cookie']![0]!, /c0:1:0\/5:0\/0/)
  assert.equal(streamed.headers['cache-control'], 'public')
})

test('many cookies are all read, and become few', async (t) => {
  const { url } = await seenSite(t, (seen) => String(seen.of('c0')?.lsn))
  const tokens = new SeenTokens([KEY])
  const jar = new CookieJar(systemClock)
  const token = (lsn: number) =>
    tokens.sign({
      clusters: new Map([['c0', { timeline: 1, wrote: BigInt(lsn), read: 0n, copied: 0n }]]),
      directoryEpoch: 1,
    })
  // Over 8 KB of them; the highest is in the middle.
  for (let n = 0; n < 140; n++) jar.set(`tenfold-seen-abcde${n}`, token(n === 70 ? 900_000 : n))
  assert.ok(jar.header('/')!.length > 8_192)
  let requests = 0
  while (jar.names.length > 4) {
    const response = await fetch(url, { headers: { cookie: jar.header('/')! } })
    assert.ok(response.headers.getSetCookie().join().length < 4_096)
    jar.take(response)
    assert.equal(await response.json(), '900000')
    assert.ok(++requests < 10)
  }
  const settled = await fetch(url, { headers: { cookie: jar.header('/')! } })
  assert.deepEqual([await settled.json(), settled.headers.getSetCookie()], ['900000', []])
})

test('bursts of many requests do not pile up cookies', async (t) => {
  let lsn = 0n
  const { url } = await seenSite(t, (seen) => {
    seen.answered('c0', at(++lsn))
    return 'shown'
  })
  const jar = new CookieJar(systemClock)
  const BURST = 100
  for (let round = 0; round < 5; round++) {
    const cookie = jar.header('/')
    const headers = cookie ? { cookie } : {}
    const answers = await Promise.all(Array.from({ length: BURST }, () => fetch(url, { headers })))
    for (const answer of answers) jar.take(answer)
    assert.ok(jar.names.length <= BURST + 4, `${jar.names.length} cookies`)
  }
})

/** What a browser would send next says at least this much. */
function known(jar: CookieJar): Seen {
  const tokens = new SeenTokens([KEY])
  return jar.names
    .map((name) => tokens.verify(jar.get(name)!) ?? NOTHING_SEEN)
    .reduce(mergeSeen, NOTHING_SEEN)
}

test('parallel requests of one browser lose no raise, in whatever order their answers come', async (t) => {
  let lsn = 0n
  const gates = new Map<string, PromiseWithResolvers<void>>()
  const { url } = await seenSite(t, async (seen, request) => {
    const { pathname: gate, searchParams } = new URL(request.url)
    seen.of('c0')
    await gates.get(gate)!.promise
    const cluster = searchParams.get('cluster')!
    if (searchParams.get('kind') === 'write') seen.wrote(cluster, at(++lsn))
    if (searchParams.get('kind') === 'read') seen.answered(cluster, at(++lsn))
    return [cluster, String(lsn), searchParams.get('kind')]
  })
  const steps = fc.array(
    fc.oneof(
      fc.record({ kind: fc.constantFrom('write', 'read', 'none'), cluster: fc.constantFrom('c0', 'c1') }),
      fc.record({ answer: fc.nat() }),
    ),
    { minLength: 1, maxLength: 24 },
  )
  let next = 0
  await fc.assert(
    fc.asyncProperty(steps, async (list) => {
      const jar = new CookieJar(new TestClock())
      const waiting: { gate: string; response: Promise<Response> }[] = []
      const raised = new Map<string, bigint>()
      let parallel = 0
      const answer = async (which: number): Promise<void> => {
        const [{ gate, response }] = waiting.splice(which % waiting.length, 1) as [(typeof waiting)[number]]
        gates.get(gate)!.resolve()
        const answered = await response
        jar.take(answered)
        const [cluster, lsnText, kind] = (await answered.json()) as [string, string, string]
        if (kind !== 'none') raised.set(cluster, BigInt(lsnText))
        for (const [name, position] of raised) {
          const now = known(jar).clusters.get(name)!
          assert.ok(now.wrote >= position || now.read >= position, `${name} lost ${position}`)
        }
        assert.ok(jar.names.length <= parallel + 4, `${jar.names.length} cookies of ${parallel} requests`)
      }
      for (const step of list) {
        if ('answer' in step) {
          if (waiting.length > 0) await answer(step.answer)
          continue
        }
        const gate = `/${next++}`
        gates.set(gate, Promise.withResolvers())
        const cookie = jar.header('/')
        const target = `${url}${gate}?kind=${step.kind}&cluster=${step.cluster}`
        waiting.push({ gate, response: fetch(target, { headers: cookie ? { cookie } : {} }) })
        parallel = Math.max(parallel, waiting.length)
      }
      while (waiting.length > 0) await answer(0)
    }),
    { numRuns: 150 },
  )
})
