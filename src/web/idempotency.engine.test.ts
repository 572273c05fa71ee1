import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Reply, send, siteWithStore } from './fixtures/site.ts'
import type { Fetch } from './options.ts'
import { parseIdempotencyKey } from './request/idempotency.ts'

type Options = Parameters<typeof siteWithStore>[2]
type Parts = Parameters<Parameters<typeof siteWithStore>[1]>[0]

/**
 * An app that counts what it applied: every run of its handler is one, every write is one however often the
 * request comes. A log-in ends the old session first, as platforms must.
 */
function counting({ sessions, store }: Parts, runs: { count: number }): Fetch {
  return async (request) => {
    runs.count++
    const { pathname, searchParams } = new URL(request.url)
    const body = await request.text()
    const applied = await store.write(store.hash('counter'), 'count', async (tx) => {
      const [row] = await tx.query<{ n: number }>(
        `insert into tenfold.limits values ('counter', $1, $2, to_timestamp(1))
         on conflict (key) do update set tat = limits.tat + interval '1 second'
         returning extract(epoch from tat)::int as n`,
        [store.hash('counter') % 4096, Math.floor(store.hash('counter') / 4096)],
      )
      return row!.n
    })
    const as = searchParams.get('as')
    let token = ''
    if (pathname === '/login') token = (await sessions.begin({ principal: as })).token
    if (pathname === '/logout') await sessions.end()
    if (pathname === '/end-all') await sessions.endAll(as!)
    return Response.json({ applied, token, body })
  }
}

async function start(t: Parameters<typeof siteWithStore>[0], options?: Options) {
  const runs = { count: 0 }
  const running = await siteWithStore(t, (parts) => counting(parts, runs), options)
  const post = (
    path: string,
    key: string | undefined,
    body = '',
    headers: Record<string, string> = {},
    method = 'POST',
  ) =>
    send(running.url, path, {
      method,
      body,
      headers: { ...(key ? { 'idempotency-key': key } : {}), ...headers },
    })
  return { ...running, runs, post }
}

const cookieOf = (reply: Reply): Record<string, string> => ({
  cookie: reply.headers['set-cookie']?.map((line) => line.split(';')[0]).join('; ') ?? '',
})
const same = (a: Reply, b: Reply): void => {
  assert.deepEqual(JSON.parse(b.body), JSON.parse(a.body))
  assert.equal(b.headers['tenfold-request'], a.headers['tenfold-request'])
}

test('the same request under its key is applied once and has one id, on one cluster and on two', async (t) => {
  for (const clusters of [1, 2]) {
    const { post } = await start(t, { clusters })
    const first = await post('/', 'k1', 'a')
    assert.equal(first.status, 200)
    same(first, await post('/', '"k1"', 'a'))
    same(first, await post('/', 'k1', 'a', { 'content-type': '' }))
    assert.notEqual(JSON.parse((await post('/', 'k2', 'a')).body).applied, JSON.parse(first.body).applied)
    assert.notEqual(
      JSON.parse((await post('/', undefined, 'a')).body).applied,
      JSON.parse(first.body).applied,
    )
  }
})

test('only the first request of a key takes its id for fresh', async (t) => {
  const running = await siteWithStore(t, () => async () => Response.json(running.contexts.current()?.fresh))
  const post = async (key: string) =>
    (await send(running.url, '/', { method: 'POST', body: 'a', headers: { 'idempotency-key': key } })).body
  assert.deepEqual([await post('a'), await post('a'), await post('b')], ['true', 'false', 'true'])
})

test('twenty at once are one', async (t) => {
  const { post } = await start(t)
  const replies = await Promise.all(Array.from({ length: 20 }, () => post('/', 'at-once', 'a')))
  assert.ok(replies.every(({ status }) => status === 200))
  assert.equal(new Set(replies.map(({ body }) => JSON.parse(body).applied)).size, 1)
  assert.equal(new Set(replies.map(({ headers }) => headers['tenfold-request'])).size, 1)
})

test('another request of the same person under the key is a 422 and is not run', async (t) => {
  const { post, runs } = await start(t)
  const who = cookieOf(await post('/login?as=ann', undefined))
  await post('/a', 'k', 'body', who)
  const before = runs.count
  const others = [
    await post('/a', 'k', 'other', who),
    await post('/b', 'k', 'body', who),
    await post('/a?x', 'k', 'body', who),
    await post('/a', 'k', 'body', who, 'PUT'),
    await post('/a', 'k', 'body', { ...who, 'content-type': 'text/html' }),
  ]
  assert.deepEqual(
    others.map(({ status }) => status),
    [422, 422, 422, 422, 422],
  )
  assert.equal(JSON.parse(others[0]!.body).code, 'TENFOLD_IDEMPOTENCY_KEY_REUSED')
  assert.equal(runs.count, before)
})

test('two people with the same key and body are two requests', async (t) => {
  const { post } = await start(t)
  const ann = cookieOf(await post('/login?as=ann', undefined))
  const bob = cookieOf(await post('/login?as=bob', undefined))
  const [a, b, stranger] = [
    await post('/', 'k', 'x', ann),
    await post('/', 'k', 'x', bob),
    await post('/', 'k', 'x'),
  ]
  assert.equal(new Set([a, b, stranger].map(({ body }) => JSON.parse(body).applied)).size, 3)
})

/** Who the client was before, what it asked for, and the cookies that its retry may carry. */
const LOGINS: [name: string, before: string | null, path: string][] = [
  ['a stranger logs in', null, '/login?as=ann'],
  ['someone logs in as someone else', 'ann', '/login?as=bob'],
  ['someone logs in again', 'ann', '/login?as=ann'],
  ['someone logs out', 'ann', '/logout'],
  ['someone ends all their sessions', 'ann', '/end-all?as=ann'],
]
for (const [name, before, path] of LOGINS)
  test(`${name}: a retry with the old cookie, the new one or none is applied once`, async (t) => {
    const { post, rows } = await start(t, { clusters: 2 })
    const old = before === null ? {} : cookieOf(await post(`/login?as=${before}`, undefined))
    const first = await post(path, 'the-key', 'pw', old)
    assert.equal(first.status, 200)
    const fresh = first.headers['set-cookie'] ? cookieOf(first) : {}
    for (const cookies of [old, fresh, {}, old]) same(first, await post(path, 'the-key', 'pw', cookies))
    const sessions = await rows('select * from tenfold.sessions')
    assert.equal(sessions.length, path.startsWith('/login') ? 1 : 0)
  })

test('a replayed log-in does not bring back a session that was ended since', async (t) => {
  const { post, rows } = await start(t)
  const first = await post('/login?as=ann', 'k', 'pw')
  await post('/logout', undefined, '', cookieOf(first))
  same(first, await post('/login?as=ann', 'k', 'pw'))
  assert.deepEqual(await rows('select * from tenfold.sessions'), [])
})

test('a replay after the signing keys were rotated gets the token that works', async (t) => {
  const keys = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)]
  const { contexts, sessionsWith, sessions, post, runs } = await start(t, { signingKeys: [keys[0]!] })
  const first = await post('/login?as=ann', 'k', 'pw')
  const renewed = sessionsWith([keys[1]!, keys[0]!])
  sessions.begin = (wanted) => renewed.begin(wanted)
  same(first, await post('/login?as=ann', 'k', 'pw'))
  const forgotten = sessionsWith([keys[1]!])
  sessions.begin = (wanted) => forgotten.begin(wanted)
  const { token } = JSON.parse((await post('/login?as=ann', 'k', 'pw')).body)
  assert.ok(token && token !== JSON.parse(first.body).token)
  assert.equal(runs.count, 3)
  assert.equal(contexts.current(), undefined)
})

test('keys are 1 to 255 visible characters, bare or quoted', () => {
  for (const [header, key] of [
    ['a', 'a'],
    ['"a"', 'a'],
    ['"a\\"b"', 'a"b'],
    ['a"b', 'a"b'],
    ['x'.repeat(255), 'x'.repeat(255)],
  ] as const)
    assert.equal(parseIdempotencyKey(header), key)
  for (const bad of [
    '',
    '""',
    '"',
    '"a',
    '"a b"',
    'a b',
    'ü',
    '\u0000',
    'x'.repeat(256),
    `"${'x'.repeat(256)}"`,
    '"a"; p=1',
  ])
    assert.throws(() => parseIdempotencyKey(bad), { code: 'TENFOLD_IDEMPOTENCY_KEY' }, bad)
  fc.assert(
    fc.property(
      fc.stringMatching(/^[\x21-\x7e]{1,255}$/).filter((key) => !key.startsWith('"')),
      (key) => {
        assert.equal(parseIdempotencyKey(key), key)
        assert.equal(parseIdempotencyKey(`"${key.replaceAll(/(["\\])/g, '\\$1')}"`), key)
      },
    ),
  )
})

test('a bad key is refused before the body is read, and only where it could matter', async (t) => {
  const { post, url } = await start(t)
  assert.equal((await post('/', 'a b')).status, 400)
  assert.equal((await send(url, '/', { headers: { 'idempotency-key': 'a b' } })).status, 200)
})

test('a request without a body, whose end Node does not tell, is applied once under its key', async (t) => {
  const { url } = await start(t)
  const remove = () => send(url, '/', { method: 'DELETE', headers: { 'idempotency-key': 'none' } })
  const first = await remove()
  assert.equal(first.status, 200)
  same(first, await remove())
})
