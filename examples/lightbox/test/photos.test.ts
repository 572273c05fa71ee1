import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { picture } from '../darkroom/fixtures/images.ts'
import { tidyPhotos } from '../domain/photos/tidy.ts'
import type { Answer, Json } from './contract.ts'
import { CLUSTERS, type Site, signUp, start, Visitor } from './visitor.ts'

/** Sends a form as programs do. */
async function send(
  visitor: Visitor,
  image: Uint8Array<ArrayBuffer> | null,
  fields: Readonly<Record<string, string>> = {},
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const form = new FormData()
  if (image) form.set('image', new Blob([image], { type: 'text/plain' }), '../../etc/passwd')
  for (const [name, value] of Object.entries(fields)) form.set(name, value)
  return sendForm(visitor, form, headers)
}

async function sendForm(
  visitor: Visitor,
  form: FormData,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const encoded = new Response(form)
  return visitor.post('/api/photos', undefined, {
    raw: new Uint8Array(await encoded.arrayBuffer()),
    headers: { 'content-type': encoded.headers.get('content-type') ?? '', ...headers },
  })
}

const jpeg = async (width = 700, height = 500): Promise<Uint8Array<ArrayBuffer>> =>
  new Uint8Array(await picture(width, height).jpeg().toBuffer())

async function sent(
  visitor: Visitor,
  image: Uint8Array<ArrayBuffer>,
  fields?: Record<string, string>,
): Promise<string> {
  const answer = await send(visitor, image, fields)
  assert.equal(answer.status, 202, answer.text)
  assert.equal(answer.json.status, 'processing')
  return answer.json.id
}

const see = (visitor: Visitor, id: string): Promise<Json> => visitor.expect(200, 'GET', `/api/photos/${id}`)

interface Row {
  status: string
  variants: { blob: string }[]
  proof: { blob: string } | null
  original: string
}

/** Every blob that rows name is kept under a name, and no other: after all is done. */
async function assertKept(app: Site): Promise<void> {
  const rows = (
    await app.system.shards.read((db) =>
      db.query<Row>('select status, variants, proof, original from photos'),
    )
  ).flat()
  const kept = (
    await app.system.shards.read((db) =>
      db.query<{ blob: string }>(`select encode(blob, 'hex') as blob from tenfold.blob_refs`),
    )
  ).flat()
  const named = rows.flatMap(({ variants, proof, original }) => [
    original,
    ...[...variants, ...(proof ? [proof] : [])].map(({ blob }) => blob),
  ])
  assert.deepEqual(kept.map(({ blob }) => blob).toSorted(), named.toSorted())
}

for (const clusters of CLUSTERS) {
  describe(`photos on ${clusters} cluster${clusters > 1 ? 's' : ''}`, () => {
    test('a photo is processed, ready, posted, and served for ever', async () => {
      await using app = await start({ clusters })
      const ann = await signUp(app, 'ann')
      const id = await sent(ann, await jpeg(), {
        alt: 'Red and blue',
        edits: '{"crop":{"x":0,"y":0,"width":0.5,"height":1},"sharpen":0.3}',
      })
      assert.deepEqual(await see(ann, id), {
        id,
        status: 'processing',
        reason: null,
        alt: 'Red and blue',
        variants: [],
        edits: { crop: { x: 0, y: 0, width: 0.5, height: 1 }, sharpen: 0.3 },
      })
      await app.jobs.drain()
      const { status, variants } = await see(ann, id)
      assert.equal(status, 'ready')
      assert.deepEqual(
        variants.map((v: Json) => `${v.width}x${v.height} ${v.format}`),
        ['350x500 avif', '350x500 webp', '350x500 jpeg'],
      )
      for (const { url, format } of variants) {
        const response = await app.fetch(url)
        assert.equal(response.status, 200)
        assert.equal(response.headers.get('content-type'), `image/${format}`)
        assert.match(response.headers.get('cache-control') ?? '', /immutable/)
        assert.equal(
          (await app.fetch(url, { headers: { 'if-none-match': response.headers.get('etag') ?? '' } })).status,
          304,
        )
        assert.ok((await response.arrayBuffer()).byteLength > 100)
      }
      const post = await ann.expect(201, 'POST', '/api/posts', { body: { text: '', photoId: id } })
      assert.equal(post.text, '')
      assert.deepEqual(post.photo, { id, status, reason: null, alt: 'Red and blue', variants })
      const { posts } = await new Visitor(app).expect(200, 'GET', `/api/users/${ann.id}/posts`)
      assert.deepEqual(posts, [post])
      await assertKept(app)
    })

    test('before it is posted only its owner knows of it, and nobody else changes it', async () => {
      await using app = await start({ clusters })
      const [ann, bob] = [await signUp(app, 'ann'), await signUp(app, 'bob')]
      const id = await sent(ann, await jpeg(40, 30))
      const everybodyElse = [bob, new Visitor(app)]
      for (const other of everybodyElse) {
        await other.expect(404, 'GET', `/api/photos/${id}`)
        await other.expect(404, 'GET', `/api/photos/${id}/events`)
      }
      assert.equal((await bob.post('/api/posts', { text: 'mine', photoId: id })).status, 422)
      await ann.expect(201, 'POST', '/api/posts', { body: { text: 'mine', photoId: id } })
      await app.jobs.drain()
      for (const other of everybodyElse) {
        const seen = await see(other, id)
        assert.equal(seen.status, 'ready')
        assert.equal(seen.edits, undefined)
      }
      await bob.expect(404, 'PUT', `/api/photos/${id}/edits`, { body: {} })
      await bob.expect(404, 'DELETE', `/api/photos/${id}`)
      await new Visitor(app).expect(401, 'PUT', `/api/photos/${id}/edits`, { body: {} })
      await ann.expect(409, 'DELETE', `/api/photos/${id}`)
    })

    test('edits begin at the original; what was made before is given up', async () => {
      await using app = await start({ clusters })
      const ann = await signUp(app, 'ann')
      const id = await sent(ann, await jpeg(), { edits: '{"blur":1}' })
      await app.jobs.drain()
      const before = await see(ann, id)
      const put = { body: { crop: { x: 0.5, y: 0, width: 0.5, height: 0.5 } } }
      await ann.expect(202, 'PUT', `/api/photos/${id}/edits`, put)
      const meanwhile = await see(ann, id)
      assert.equal(meanwhile.status, 'processing')
      assert.deepEqual(meanwhile.variants, before.variants)
      // Only the last of several edits is made.
      await ann.expect(202, 'PUT', `/api/photos/${id}/edits`, { body: {} })
      await app.jobs.drain()
      const after = await see(ann, id)
      assert.deepEqual(
        after.variants.map((v: Json) => v.width),
        [700, 700, 700, 320, 320, 320],
      )
      assert.equal(
        (await app.fetch(before.variants[0].url)).status,
        404,
        'what newer edits took away is not given out',
      )
      await assertKept(app)
      await ann.expect(204, 'DELETE', `/api/photos/${id}`)
      await ann.expect(404, 'GET', `/api/photos/${id}`)
      await assertKept(app)
    })

    test('an image that lies fails with a reason, and cannot be posted', async () => {
      await using app = await start({ clusters })
      const ann = await signUp(app, 'ann')
      const whole = await jpeg()
      const id = await sent(ann, whole.slice(0, whole.length / 2))
      const posted = await ann.expect(201, 'POST', '/api/posts', { body: { text: 'early', photoId: id } })
      await app.jobs.drain()
      const failed = await see(ann, id)
      assert.equal(failed.status, 'failed')
      assert.match(failed.reason, /damaged or incomplete/)
      assert.deepEqual(failed.variants, [])
      assert.equal((await ann.post('/api/posts', { text: 'late', photoId: id })).status, 422)
      const { posts } = await ann.expect(200, 'GET', `/api/users/${ann.id}/posts`)
      assert.deepEqual(
        posts.map((post: Json) => [post.id, post.photo.status]),
        [[posted.id, 'failed']],
      )
    })

    test('sent twice under one key it is one photo', async () => {
      await using app = await start({ clusters })
      const ann = await signUp(app, 'ann')
      const form = new FormData()
      form.set('image', new Blob([await jpeg(30, 20)]))
      const encoded = new Response(form)
      const raw = new Uint8Array(await encoded.arrayBuffer())
      const headers = {
        'content-type': encoded.headers.get('content-type') ?? '',
        'idempotency-key': 'once-and-only-once',
      }
      const [first, second] = [
        await ann.post('/api/photos', undefined, { raw, headers }),
        await ann.post('/api/photos', undefined, { raw, headers }),
      ]
      assert.deepEqual([first.status, second.json], [202, first.json])
      const rows = (await app.system.shards.read((db) => db.query('select id from photos'))).flat()
      assert.equal(rows.length, 1)
    })
  })
}

describe('uploads', () => {
  test('what is refused at once', async () => {
    await using app = await start()
    const ann = await signUp(app, 'ann')
    const image = await jpeg(30, 20)
    const gif = new Uint8Array(await picture(30, 20).gif().toBuffer())
    const refused = async (status: number, answer: Promise<Answer>, detail: RegExp): Promise<void> => {
      const { status: got, text } = await answer
      assert.equal(got, status, text)
      assert.match(text, detail)
    }
    await refused(401, send(new Visitor(app), image), /Log in/)
    await refused(415, send(ann, gif), /not a picture/)
    await refused(
      415,
      send(ann, new Uint8Array(Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>'))),
      /not a picture/,
    )
    await refused(400, send(ann, null), /in the field `image`/)
    await refused(400, send(ann, new Uint8Array(0)), /in the field `image`/)
    await refused(400, send(ann, image, { edits: '{' }), /must be JSON/)
    await refused(
      400,
      send(ann, image, { edits: '{"crop":{"x":0.6,"y":0,"width":0.5,"height":1}}' }),
      /within the photo/,
    )
    await refused(400, send(ann, image, { edits: '{"blur":2}' }), /edits\/blur/)
    await refused(400, send(ann, image, { more: '1' }), /more/)
    await refused(400, send(ann, image, { alt: 'x'.repeat(501) }), /alt/)
    await refused(415, ann.post('/api/photos', { image: 'x' }), /multipart/)
    await refused(
      400,
      ann.post('/api/photos', undefined, { raw: 'x', headers: { 'content-type': 'multipart/form-data' } }),
      /boundary/,
    )
    for (const raw of [
      'x',
      '--b\r\ncontent-disposition: form-data; name="image"; filename="a"\r\n\r\n\xff\xd8\xff',
      '--b--',
    ])
      await refused(
        400,
        ann.post('/api/photos', undefined, {
          raw,
          headers: { 'content-type': 'multipart/form-data; boundary=b' },
        }),
        /broken off|in the field/,
      )
    const two = new FormData()
    two.set('image', new Blob([image]))
    two.append('image', new Blob([image]))
    await refused(400, sendForm(ann, two), /too many/)
    const other = new FormData()
    other.set('file', new Blob([image]))
    await refused(400, sendForm(ann, other), /Only the field/)
    const big = new Uint8Array(21 * 1024 * 1024)
    big.set(image)
    await refused(413, send(ann, big), /./)
    const rows = (await app.system.shards.read((db) => db.query('select id from photos'))).flat()
    assert.equal(rows.length, 0)
  })

  test('twenty megabytes are taken', async () => {
    await using app = await start()
    const ann = await signUp(app, 'ann')
    const image = await jpeg(60, 40)
    const big = new Uint8Array(20 * 1024 * 1024)
    big.set(image)
    const id = await sent(ann, big)
    await app.jobs.drain()
    assert.equal((await see(ann, id)).status, 'ready', 'what follows the image does not matter')
  })
})

describe('events', () => {
  test('tell each change, end at the last, and go on where they were', async () => {
    await using app = await start()
    const ann = await signUp(app, 'ann')
    const id = await sent(ann, await jpeg())
    const listen = (lastEventId?: string) =>
      app.fetch(`/api/photos/${id}/events`, {
        headers: { cookie: ann.cookie, ...(lastEventId !== undefined && { 'last-event-id': lastEventId }) },
      })
    const response = await listen()
    assert.equal(response.headers.get('content-type'), 'text/event-stream')
    const [text] = await Promise.all([response.text(), app.jobs.drain()])
    const events = text
      .split('\n\n')
      .filter(Boolean)
      .map((event) => {
        const [, version = '', data = ''] =
          /^id: (.+)\nevent: status\ndata: (.+)$/.exec(event) ?? assert.fail(event)
        return { version, ...(JSON.parse(data) as { status: string; progress: number }) }
      })
    assert.deepEqual(
      [events[0]?.status, events.at(-1)?.status, events.at(-1)?.progress],
      ['processing', 'ready', 1],
    )
    assert.equal(new Set(events.map(({ version }) => version)).size, events.length, 'no state is told twice')
    assert.equal((await listen(events.at(-1)?.version)).status, 204)
    assert.match(await (await listen(events[0]?.version)).text(), /"status":"ready"/)
    assert.match(await (await listen('nonsense')).text(), /"status":"ready"/)
  })
})

describe('the form of the pages', () => {
  test('sent twice, as browsers do, it is one post with one photo', async () => {
    await using app = await start({ clusters: 2 })
    const ann = await signUp(app, 'ann')
    const image = await jpeg(60, 40)
    const post = async (text: string): Promise<number> => {
      const form = new FormData()
      const values = {
        _idempotency_key: 'the-key-of-one-form',
        text,
        'crop-x': '50',
        'crop-width': '50,0',
        blur: '20',
      }
      for (const [name, value] of Object.entries(values)) form.set(name, value)
      form.set('image', new Blob([image]), 'a.jpg')
      // Each has a boundary of its own.
      const { status } = await app.fetch('/posts', {
        method: 'POST',
        body: form,
        headers: { cookie: ann.cookie },
        redirect: 'manual',
      })
      return status
    }
    assert.deepEqual(await Promise.all([post('Fog'), post('Fog'), post('Fog')]), [303, 303, 303])
    assert.equal(await post('Fog, and something else'), 303)
    await app.jobs.drain()
    const { posts } = await ann.expect(200, 'GET', `/api/users/${ann.id}/posts`)
    assert.deepEqual(
      posts.map((one: Json) => [one.text, one.photo.status]),
      [
        ['Fog, and something else', 'ready'],
        ['Fog', 'ready'],
      ],
    )
    const { edits } = await see(ann, posts[0].photo.id)
    assert.deepEqual(edits, { crop: { x: 0.5, y: 0, width: 0.5, height: 1 }, blur: 0.2 })
    await assertKept(app)
  })
})

describe('what is left behind', () => {
  test('photos that nobody posted for a week are deleted, and no others', async () => {
    await using app = await start({ clusters: 2 })
    const people = [await signUp(app, 'ann'), await signUp(app, 'bob')]
    const kept: string[] = []
    for (const person of people) {
      for (const posted of [false, false, true]) {
        const id = await sent(person, await jpeg(40, 30))
        if (posted) await person.expect(201, 'POST', '/api/posts', { body: { photoId: id } })
        if (posted) kept.push(id)
      }
    }
    await app.jobs.drain()
    for (const { id } of people) {
      await app.system.shard.user(id).write(`age ${id}`, async (tx) => {
        await tx.query("update photos set created_at = created_at - interval '8 days' where owner_id = $1", [
          id,
        ])
      })
    }
    const young = await sent(people[0] as Visitor, await jpeg(40, 30))
    await app.system.jobs.enqueue(tidyPhotos, {})
    await app.jobs.drain()
    const rows = (
      await app.system.shards.read((db) => db.query<{ id: string }>('select id from photos'))
    ).flat()
    assert.deepEqual(rows.map(({ id }) => id).toSorted(), [...kept, young].toSorted())
    await assertKept(app)
  })
})
