import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { hashPassword, isOutdated } from '../domain/passwords.ts'
import { PASSWORD, signUp, start, Visitor } from './visitor.ts'

describe('sessions', () => {
  test('a bearer token is as good as a cookie, and sets none', async () => {
    await using app = await start()
    await signUp(app, 'ann')
    const phone = new Visitor(app)
    const { token } = await phone.expect(200, 'POST', '/api/session', {
      body: { handle: 'ann', password: PASSWORD },
      headers: { 'accept-token': '1' },
    })
    assert.equal(phone.session, '')
    await phone.expect(401, 'GET', '/api/me')
    phone.token = token
    await phone.expect(200, 'GET', '/api/me')
    await phone.expect(201, 'POST', '/api/posts', { body: { text: 'From the phone' } })
    await phone.expect(204, 'DELETE', '/api/session')
    await phone.expect(401, 'GET', '/api/me')
  })

  test('logging in makes a new session and ends the old one', async () => {
    await using app = await start()
    const ann = await signUp(app, 'ann')
    const { session: first } = ann
    assert.match(first, /^tenfold-session=./, 'as the document says')
    await ann.expect(200, 'POST', '/api/session', { body: { handle: 'ann', password: PASSWORD } })
    assert.notEqual(ann.session, first)
    await ann.expect(200, 'GET', '/api/me')
    await new Visitor(app).expect(401, 'GET', '/api/me', { headers: { cookie: first } })
  })

  test('a session that was ended is worthless wherever it was copied to', async () => {
    await using app = await start()
    const ann = await signUp(app, 'ann')
    const { session: cookie } = ann
    const thief = new Visitor(app)
    await thief.expect(200, 'GET', '/api/me', { headers: { cookie } })
    await ann.expect(204, 'DELETE', '/api/session')
    await thief.expect(401, 'GET', '/api/me', { headers: { cookie } })
  })

  test('a forged, cut or foreign token is nobody', async () => {
    await using app = await start()
    const ann = await signUp(app, 'ann')
    const value = ann.session.slice(ann.session.indexOf('=') + 1)
    const name = ann.session.slice(0, ann.session.indexOf('='))
    for (const forged of [
      '',
      'x',
      value.slice(1),
      `${value}a`,
      value.split('').reverse().join(''),
      'null',
      '%00',
      '💾',
    ]) {
      const headers = { cookie: `${name}=${encodeURI(forged)}` }
      await new Visitor(app).expect(401, 'GET', '/api/me', { headers })
      const bearer = { authorization: `Bearer ${encodeURI(forged)}` }
      await new Visitor(app).expect(401, 'GET', '/api/me', { headers: bearer })
    }
  })
})

describe('passwords', () => {
  test('a hash of another kind is replaced when its owner logs in, and only then', async () => {
    await using app = await start()
    const ann = await signUp(app, 'ann')
    const shard = app.system.shard.user(ann.id)
    const hash = () =>
      shard.read((db) => db.selectFrom('credentials').select('password_hash').executeTakeFirstOrThrow())
    const former = await hashPassword(PASSWORD, 'scrypt')
    await shard.write('put a former hash', async ({ db }) => {
      await db
        .updateTable('credentials')
        .set({ password_hash: former })
        .where('user_id', '=', ann.id)
        .execute()
    })
    await ann.expect(401, 'POST', '/api/session', { body: { handle: 'ann', password: 'wrong' } })
    assert.equal((await hash()).password_hash, former)
    await ann.expect(200, 'POST', '/api/session', { body: { handle: 'ann', password: PASSWORD } })
    const fresh = (await hash()).password_hash ?? ''
    assert.equal(isOutdated(fresh), false)
    await ann.expect(200, 'POST', '/api/session', { body: { handle: 'ann', password: PASSWORD } })
    assert.equal((await hash()).password_hash, fresh)
  })

  test('is the same however it was composed', async () => {
    await using app = await start()
    const body = { handle: 'ann', firstName: 'A', lastName: 'L', password: 'cafe\u0301 au lait' }
    await new Visitor(app).expect(201, 'POST', '/api/accounts', { body })
    const call = { body: { handle: 'ann', password: 'caf\u00e9 au lait' } }
    await new Visitor(app).expect(200, 'POST', '/api/session', call)
  })
})

describe('cross-site requests', () => {
  test('a page of another site changes nothing', async () => {
    await using app = await start()
    const ann = await signUp(app, 'ann')
    const call = { body: { text: 'Not mine' } }
    for (const headers of [
      { origin: 'https://evil.example' },
      { origin: 'null' },
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
      { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' },
    ] as Record<string, string>[]) {
      await ann.expect(403, 'POST', '/api/posts', { ...call, headers })
      await ann.expect(403, 'DELETE', '/api/session', { headers })
      await ann.expect(403, 'PUT', '/api/follows/12', { headers })
    }
    const { counts } = await ann.expect(200, 'GET', '/api/me', {
      headers: { 'sec-fetch-site': 'cross-site' },
    })
    assert.equal(counts.posts, 0)
    await ann.expect(201, 'POST', '/api/posts', { ...call, headers: { 'sec-fetch-site': 'same-origin' } })
  })
})

describe('limits', () => {
  const tryOut = (password: string) => ({ body: { handle: 'ann', password } })

  test('the eleventh failed log-in within a minute is refused, the right password too; others are not', async () => {
    await using app = await start()
    await signUp(app, 'ann')
    await signUp(app, 'bob')
    const visitor = new Visitor(app)
    for (let at = 0; at < 10; at += 1) await visitor.expect(401, 'POST', '/api/session', tryOut('wrong'))
    const refused = await visitor.call('POST', '/api/session', tryOut(PASSWORD))
    assert.equal(refused.status, 429)
    assert.ok(Number(refused.headers.get('retry-after')) >= 1)
    await visitor.expect(200, 'POST', '/api/session', { body: { handle: 'bob', password: PASSWORD } })
  })

  test('attempts side by side do not outrun the limit', async () => {
    await using app = await start()
    await signUp(app, 'ann')
    const all = await Promise.all(
      Array.from({ length: 25 }, () => new Visitor(app).call('POST', '/api/session', tryOut('wrong'))),
    )
    assert.equal(all.filter(({ status }) => status === 401).length, 10)
    assert.equal(all.filter(({ status }) => status === 429).length, 15)
  })

  test('right passwords side by side are all let in', async () => {
    await using app = await start()
    await signUp(app, 'ann')
    await Promise.all(
      Array.from({ length: 25 }, () =>
        new Visitor(app).expect(200, 'POST', '/api/session', tryOut(PASSWORD)),
      ),
    )
  })

  test('a right password forgets the wrong ones', async () => {
    await using app = await start()
    const ann = await signUp(app, 'ann')
    for (let round = 0; round < 3; round += 1) {
      for (let at = 0; at < 4; at += 1) await ann.expect(401, 'POST', '/api/session', tryOut('wrong'))
      await ann.expect(200, 'POST', '/api/session', tryOut(PASSWORD))
    }
  })

  test('a handle that nobody has is answered as a wrong password, and counted', async () => {
    await using app = await start()
    await signUp(app, 'ann')
    const visitor = new Visitor(app)
    const known = await visitor.expect(401, 'POST', '/api/session', tryOut('wrong'))
    const nobody = { body: { handle: 'nobody', password: 'wrong' } }
    for (let at = 0; at < 10; at += 1) {
      assert.deepEqual(await visitor.expect(401, 'POST', '/api/session', nobody), known)
    }
    await visitor.expect(429, 'POST', '/api/session', nobody)
  })

  test('an address signs up sixty times a minute, also side by side', async () => {
    await using app = await start()
    const visitor = new Visitor(app)
    const body = { handle: 'ann', firstName: 'Ann', lastName: 'Lee', password: PASSWORD }
    const begun = performance.now()
    const all = await Promise.all(Array.from({ length: 80 }, () => visitor.post('/api/accounts', body)))
    const regained = Math.ceil((performance.now() - begun) / 1000)
    const served = all.filter(({ status }) => status === 201 || status === 409).length
    assert.ok(served >= 60 && served <= 60 + regained, `${served} were served`)
    const refused = all.filter(({ status }) => status === 429)
    assert.equal(refused.length, 80 - served)
    for (const { headers } of refused) assert.ok(Number(headers.get('retry-after')) >= 1)
  })
})
