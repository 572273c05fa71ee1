import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { PASSWORD, type Site, signUp, start, Visitor } from './visitor.ts'

const text = (count: number): string => 'é'.repeat(count)
const account = { handle: 'some_one', firstName: 'Some', lastName: 'One', password: PASSWORD }
const address = { streetAddress: 'a', city: 'b', state: 'c', postalCode: 'd' }

/** [method, path, bodies that are refused] */
const REFUSED: readonly (readonly [string, string, readonly unknown[]])[] = [
  [
    'POST',
    '/api/accounts',
    [
      null,
      [],
      'text',
      1,
      true,
      {},
      ...['handle', 'firstName', 'lastName', 'password'].map((name) => ({ ...account, [name]: undefined })),
      ...['handle', 'firstName', 'lastName', 'password'].flatMap((name) =>
        [null, 7, {}, [], '', '\ud800x\ud800'].map((value) => ({ ...account, [name]: value })),
      ),
      ...['firstName', 'lastName'].flatMap((name) =>
        ['  ', text(101), 'a\u0000b', 'a\nb', 'a\u0085b', 'a\u001bb'].map((value) => ({
          ...account,
          [name]: value,
        })),
      ),
      ...[
        'ab',
        'a'.repeat(31),
        'a b',
        'a-b',
        'é_é_é',
        'abc\u0000',
        'ＡＢＣ',
        "a'b",
        '../..',
        'K\u212Aelvin',
      ].map((handle) => ({ ...account, handle })),
      ...['1234567', text(201)].map((password) => ({ ...account, password })),
      { ...account, admin: true },
    ],
  ],
  [
    'POST',
    '/api/session',
    [
      null,
      {},
      { handle: 'some_one' },
      { handle: ['some_one'], password: PASSWORD },
      { handle: 'some_one', password: { length: 9 } },
      { ...account },
    ],
  ],
  [
    'PATCH',
    '/api/me',
    [
      null,
      [],
      { handle: 'other' },
      { id: '12' },
      { password: 'x' },
      { firstName: null },
      { firstName: '' },
      { address: 'x' },
      { address: {} },
      { address: { ...address, country: 'x' } },
      { address: { ...address, city: null } },
      { address: { ...address, city: 'a\u0000' } },
      { address: { ...address, city: text(101) } },
      { phoneNumbers: null },
      { phoneNumbers: '212 555-1234' },
      { phoneNumbers: ['x'] },
      { phoneNumbers: [7] },
      { phoneNumbers: Array(11).fill('212 555-1234') },
      { phoneNumbers: ['1'.repeat(31)] },
      { phoneNumbers: ['212\u0000555'] },
    ],
  ],
  [
    'POST',
    '/api/posts',
    [
      null,
      [],
      {},
      { text: null },
      { text: '' },
      { text: ' \n\t ' },
      { text: text(2001) },
      { text: 'a\u0000b' },
      { text: 'a\u0007b' },
      { text: '\udfff' },
      { text: ['a'] },
      { text: 'a', likes: 9 },
      { text: 'a', authorId: '12' },
      { text: 'a', photo: null },
    ],
  ],
]

describe('a body', () => {
  test('that is not as documented is refused with what is wrong where, and changes nothing', async () => {
    await using app = await start()
    const ann = await signUp(app, 'ann')
    const before = await ann.expect(200, 'GET', '/api/me')
    for (const [method, path, bodies] of REFUSED) {
      for (const body of bodies) {
        const limited = path === '/api/accounts' || path === '/api/session'
        const { type, errors } = await (limited ? new Visitor(app) : ann).expect(400, method, path, { body })
        assert.equal(type, 'urn:lightbox:problem:invalid', JSON.stringify(body))
        assert.ok(errors.length > 0)
      }
    }
    assert.deepEqual(await ann.expect(200, 'GET', '/api/me'), before)
  })

  test('names the field', async () => {
    await using app = await start()
    const ann = await signUp(app, 'ann')
    const { errors } = await ann.expect(400, 'PATCH', '/api/me', {
      body: { firstName: '', address: { ...address, city: 3, 'a/b~': 1 }, x: 1 },
    })
    const pointers = errors.map(({ pointer }: { pointer: string }) => pointer).toSorted()
    assert.deepEqual(pointers, ['/address/a~1b~0', '/address/city', '/firstName', '/x'])
  })

  test('that is no JSON, no UTF-8, or too large is refused', async () => {
    await using app = await start()
    const ann = await signUp(app, 'ann')
    const raws: [number, string | Uint8Array<ArrayBuffer>][] = [
      [400, '{'],
      [400, 'text=a'],
      [400, '{"text":"a"}}'],
      [400, "{'text':'a'}"],
      [400, '{"text":"a\u0000b"}'],
      [400, ' '],
      [400, '{"text":"a","__proto__":{"x":1}}'],
      [400, '['.repeat(60_000)],
      [400, '{"text":"\\ud800"}'],
      [400, 'NaN'],
      [400, Uint8Array.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])],
      [400, Buffer.concat([Buffer.from('{"text":"'), Buffer.from([0xed, 0xa0, 0x80]), Buffer.from('"}')])],
      [400, Buffer.from('{"text":"a"}', 'utf16le')],
      [413, `{"text":"${'a'.repeat(70_000)}"}`],
    ]
    for (const [status, raw] of raws) await ann.expect(status, 'POST', '/api/posts', { raw })
    assert.equal((await ann.expect(200, 'GET', '/api/me')).counts.posts, 0)
  })

  test('of another type is refused', async () => {
    await using app = await start()
    const ann = await signUp(app, 'ann')
    const raw = '{"text":"a"}'
    for (const type of [
      'text/plain',
      'application/x-www-form-urlencoded',
      'application/json; charset=latin1',
      'application/jsonp',
      'multipart/form-data; boundary=x',
    ]) {
      await ann.expect(415, 'POST', '/api/posts', { raw, headers: { 'content-type': type } })
    }
    for (const type of [
      'application/json',
      'application/json; charset=utf-8',
      'Application/JSON;charset="UTF-8"',
    ]) {
      await ann.expect(201, 'POST', '/api/posts', { raw, headers: { 'content-type': type } })
    }
  })

  test('of any JSON is answered, never with a fault of ours', async () => {
    await using app = await start()
    const ann = await signUp(app, 'ann')
    const fields = fc.constantFrom(
      'text',
      'handle',
      'firstName',
      'address',
      'phoneNumbers',
      'password',
      '__proto__',
      'constructor',
    )
    const body = fc.oneof(
      fc.jsonValue(),
      fc.dictionary(fields, fc.oneof(fc.jsonValue(), fc.string({ unit: 'binary' }))),
    )
    const doors = fc.constantFrom(['POST', '/api/posts'], ['PATCH', '/api/me'])
    await fc.assert(
      fc.asyncProperty(doors, body, async ([method = '', path = ''], value) => {
        const { status } = await ann.call(method, path, { raw: JSON.stringify(value) })
        assert.ok([200, 201, 400].includes(status), `${status}`)
      }),
      { numRuns: 150 },
    )
  })
})

describe('text', () => {
  const HOSTILE = [
    "'; drop table users; --",
    "' or '1'='1",
    '$1; select pg_sleep(9)',
    '\\',
    '%s %n',
    '{{7*7}}',
    `$\{7*7}`,
    '<script>alert(1)</script>',
    '"><img src=x onerror=alert(1)>',
    'javascript:alert(1)',
    '</textarea><svg onload=alert(1)>',
    '\u202eevil',
    'Zoë 👩‍👩‍👧 愛 نور',
    'e\u0301',
    '\ufeffa',
    'null',
    'NaN',
    '0',
    '__proto__',
  ]

  test('comes back as it was sent, whatever it looks like', async () => {
    await using app = await start()
    const ann = await signUp(app, 'ann')
    for (const value of HOSTILE) {
      const sent = value.trim()
      const change = {
        firstName: value,
        lastName: value,
        address: { streetAddress: value, city: value, state: value, postalCode: value },
      }
      await ann.expect(200, 'PATCH', '/api/me', { body: change })
      const profile = await ann.expect(200, 'GET', `/users/${ann.id}`)
      assert.deepEqual(
        [profile.firstName, profile.lastName, ...Object.values(profile.address)],
        Array(6).fill(sent),
      )
      await ann.expect(201, 'POST', '/api/posts', { body: { text: value } })
      const { posts } = await ann.expect(200, 'GET', `/api/users/${ann.id}/posts`)
      assert.equal(posts[0].text, sent)
    }
  })

  test('of any characters but control characters comes back, and its lines end in one way', async () => {
    await using app = await start()
    const ann = await signUp(app, 'ann')
    const unicode = fc
      .string({ unit: 'binary', minLength: 1, maxLength: 300 })
      .filter((value) => value.isWellFormed())
    const allowed = unicode
      .map((value) => value.replaceAll(/[^\P{Cc}\n\r]/gu, ''))
      .filter((value) => value.trim() !== '')
    await fc.assert(
      fc.asyncProperty(allowed, async (value) => {
        const post = await ann.expect(201, 'POST', '/api/posts', { body: { text: value } })
        assert.equal(post.text, value.replaceAll(/\r\n?/g, '\n').trim())
      }),
      { numRuns: 60 },
    )
  })

  test('is measured in characters', async () => {
    await using app = await start()
    const ann = await signUp(app, 'ann')
    const post = await ann.expect(201, 'POST', '/api/posts', { body: { text: '😀'.repeat(2000) } })
    assert.equal([...post.text].length, 2000)
    await ann.expect(400, 'POST', '/api/posts', { body: { text: '😀'.repeat(2001) } })
  })
})

describe('an id', () => {
  const USERS = [
    '0',
    '-1',
    '1.5',
    '1e3',
    'abc',
    '00012',
    '9223372036854775808',
    '9'.repeat(400),
    "1' or '1'='1",
    '%00',
    '12%00',
    '💾',
    '१२',
    ' 12',
    'null',
  ]
  const POSTS = [
    '1',
    'abc',
    '01a1ffef-f4b1-7d9d-8085-8f5759e52a8',
    '01a1ffef-f4b1-4d9d-8085-8f5759e52a84',
    '00000000-0000-0000-0000-000000000000',
    'ffffffff-ffff-ffff-ffff-ffffffffffff',
    "01a1ffef-f4b1-7d9d-8085-8f5759e52a84'",
    '%00',
  ]

  const probe = async (app: Site, visitor: Visitor) => {
    for (const id of [...USERS, '999', '9223372036854775807'].map(encodeURIComponent)) {
      await visitor.expect(404, 'GET', `/users/${id}`)
      await visitor.expect(404, 'GET', `/api/users/${id}/posts`)
      await visitor.expect(404, 'PUT', `/api/follows/${id}`)
      await visitor.expect(404, 'DELETE', `/api/follows/${id}`)
    }
    const unknown = [
      app.system.ids.next({ user: '12' }),
      '01a1ffef-f4b1-7fff-bfff-ffffffffffff',
      '00000000-0000-7000-8000-000000000000',
    ]
    for (const id of [...POSTS, ...unknown].map(encodeURIComponent)) {
      await visitor.expect(404, 'PUT', `/api/posts/${id}/like`)
      await visitor.expect(404, 'DELETE', `/api/posts/${id}/like`)
    }
  }

  test('that is none, or nobody has, is not found', async () => {
    await using app = await start({ clusters: 2 })
    await probe(app, await signUp(app, 'ann'))
  })
})
