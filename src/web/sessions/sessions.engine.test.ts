import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { send, siteWithStore } from '../fixtures/site.ts'
import type { Fetch } from '../options.ts'
import { cookieLine, cookieValues } from './cookie.ts'
import type { WebSessions } from './sessions.ts'
import { formatToken, parseToken } from './token.ts'

const DAY_MS = 86_400_000

/** What an app does with sessions, by path. */
const app =
  ({ sessions }: { sessions: WebSessions }): Fetch =>
  async (request) => {
    const { pathname, searchParams } = new URL(request.url)
    const principal = searchParams.get('as')
    if (pathname === '/login') return Response.json(await sessions.begin({ principal }))
    if (pathname === '/token') return Response.json(await sessions.begin({ principal, transport: 'bearer' }))
    if (pathname === '/update') await sessions.update({ cart: [1, { a: 'b' }] })
    if (pathname === '/logout') await sessions.end()
    if (pathname === '/end-all') await sessions.endAll(principal!)
    return Response.json(await sessions.current())
  }

const cookieOf = (reply: { headers: { 'set-cookie'?: string[] | undefined } }): string =>
  reply.headers['set-cookie']?.[0]?.split(';')[0] ?? ''

async function start(
  t: Parameters<typeof siteWithStore>[0],
  options: Parameters<typeof siteWithStore>[2] = {},
) {
  const running = await siteWithStore(t, app, options)
  const post = (path: string, cookie = '', headers: Record<string, string> = {}) =>
    send(running.url, path, { method: 'POST', headers: { ...(cookie ? { cookie } : {}), ...headers } })
  const me = async (cookie: string) =>
    JSON.parse((await send(running.url, '/me', { headers: { cookie } })).body)
  return { ...running, post, me }
}

test('a session begins, holds data, is rotated and ends', async (t) => {
  const { post, me, rows } = await start(t)
  const login = await post('/login?as=ann')
  const line = login.headers['set-cookie']![0]!
  assert.match(
    line,
    /^tenfold-session=[0-9a-z]+\.[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax; Max-Age=(2592000|25919\d\d)$/,
  )
  const first = cookieOf(login)
  assert.equal((await me(first)).principal, 'ann')
  assert.deepEqual(JSON.parse((await post('/update', first)).body).data, { cart: [1, { a: 'b' }] })
  assert.deepEqual((await me(first)).data, { cart: [1, { a: 'b' }] })
  const second = cookieOf(await post('/login?as=bob', first))
  assert.equal(await me(first), null)
  assert.equal((await me(second)).principal, 'bob')
  const logout = await post('/logout', second)
  assert.match(logout.headers['set-cookie']![0]!, /^tenfold-session=; .*Max-Age=0/)
  assert.equal(await me(second), null)
  assert.equal((await post('/update', second)).status, 401)
  const left = await rows('select id from tenfold.sessions')
  assert.deepEqual(left, [])
})

test('the table holds no token', async (t) => {
  const { post, rows } = await start(t)
  const { token } = JSON.parse((await post('/token?as=ann')).body)
  const left = await rows('select * from tenfold.sessions, tenfold.markers')
  assert.ok(left.length > 0)
  assert.ok(!JSON.stringify(left).includes(token.split('.')[1]))
})

test('a bearer token works alone, sets no cookie and wins over a cookie', async (t) => {
  const { post, me, url } = await start(t)
  const reply = await post('/token?as=app')
  assert.equal(reply.headers['set-cookie'], undefined)
  const { token } = JSON.parse(reply.body)
  const cookie = cookieOf(await post('/login?as=ann'))
  const both = (authorization: string) => send(url, '/me', { headers: { authorization, cookie } })
  assert.equal(JSON.parse((await both(`Bearer ${token}`)).body).principal, 'app')
  assert.equal(JSON.parse((await both('Bearer worthless')).body), null)
  assert.equal((await me(cookie)).principal, 'ann')
})

test('ending all sessions of a principal ends theirs on every device, and no one else’s', async (t) => {
  const { post, me } = await start(t, { clusters: 2 })
  const [ann1, ann2, bob] = [
    cookieOf(await post('/login?as=ann')),
    cookieOf(await post('/login?as=ann')),
    cookieOf(await post('/login?as=bob')),
  ]
  const reply = await post('/end-all?as=ann', ann1)
  assert.match(reply.headers['set-cookie']![0]!, /Max-Age=0/)
  assert.deepEqual([await me(ann1), await me(ann2), (await me(bob)).principal], [null, null, 'bob'])
})

test('sessions end after 14 idle and after 30 busy days, and are swept', async (t) => {
  const { post, me, clock, sessions, rows } = await start(t)
  const idle = cookieOf(await post('/login?as=idle'))
  const busy = cookieOf(await post('/login?as=busy'))
  const seen = async () => {
    const sql = `select extract(epoch from seen_at) * 1000 as ms from tenfold.sessions where principal = 'busy'`
    const [row] = await rows<{ ms: string }>(sql)
    return Math.round(Number(row?.ms))
  }
  for (let day = 10; day <= 20; day += 10) {
    await clock.advance(10 * DAY_MS)
    const before = clock.now()
    assert.equal((await me(busy)).principal, 'busy')
    // Written beside the request: wait for the row, not for a time.
    while ((await seen()) < before) assert.ok(await me(busy))
  }
  assert.equal(await me(idle), null)
  await clock.advance(10 * DAY_MS)
  assert.equal(await me(busy), null)
  await sessions.sweep()
  assert.deepEqual(await rows('select id from tenfold.sessions'), [])
})

test('with TLS the cookie is bound to the host, and one without the prefix is nobody’s', async (t) => {
  const { post, me } = await start(t, { secureCookies: true })
  const line = (await post('/login?as=ann')).headers['set-cookie']![0]!
  assert.match(line, /^__Host-tenfold-session=.*; Secure$/)
  const cookie = line.split(';')[0]!
  assert.equal((await me(cookie)).principal, 'ann')
  assert.equal(await me(cookie.replace('__Host-', '')), null)
})

test('behind a trusted proxy that speaks TLS the cookie is as safe; a stranger’s word changes nothing', async (t) => {
  for (const trustedProxies of [['127.0.0.0/8'], []]) {
    const { post } = await start(t, { trustedProxies })
    const line = (await post('/login?as=ann', '', { 'x-forwarded-proto': 'https' })).headers[
      'set-cookie'
    ]![0]!
    assert.equal(/^__Host-tenfold-session=.*; Secure$/.test(line), trustedProxies.length > 0, line)
  }
})

test('garbage costs no query', async (t) => {
  const { sessions, contexts, me, data } = await start(t)
  let reads = 0
  const read = data.client.readAt.bind(data.client)
  data.client.readAt = ((...args: Parameters<typeof read>) => {
    reads++
    return read(...args)
  }) as typeof read
  for (const value of [
    '',
    'x',
    '..',
    'a.b',
    `1.${'a'.repeat(44)}`,
    `zzzzzzz.${'a'.repeat(43)}`,
    `01.${'a'.repeat(43)}`,
    '%00',
  ])
    assert.equal(await me(`tenfold-session=${value}`), null)
  assert.equal(reads, 0)
  assert.equal(await me(`tenfold-session=1.${'a'.repeat(43)}; tenfold-session=2.${'b'.repeat(43)}`), null)
  assert.equal(reads, 2)
  await assert.rejects(sessions.current(), { code: 'TENFOLD_OUTSIDE_REQUEST' })
  assert.equal(contexts.current(), undefined)
})

test('tokens that we make are read back, and nothing else is', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 0xffff_ffff }),
      fc.uint8Array({ minLength: 32, maxLength: 32 }),
      (placement, secret) => {
        const token = formatToken(placement, Buffer.from(secret))
        assert.equal(parseToken(token)?.placement, placement)
        assert.equal(parseToken(`${token}a`), null)
      },
    ),
  )
  fc.assert(fc.property(fc.string(), (text) => parseToken(text) === null))
})

test('cookies are found among others', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.constantFrom('a', 'b', 'ab'), fc.stringMatching(/^[\w.-]*$/))),
      (pairs) => {
        const header = pairs.map(([name, value]) => `${name}=${value}`).join('; ')
        assert.deepEqual(
          cookieValues(header, 'a'),
          pairs.filter(([name]) => name === 'a').map(([, value]) => value),
        )
      },
    ),
  )
  assert.deepEqual(cookieValues('x; =; a = "1" ;;', 'a'), ['1'])
  assert.equal(cookieLine('v', false, 1.5), 'tenfold-session=v; Path=/; HttpOnly; SameSite=Lax; Max-Age=1')
})
