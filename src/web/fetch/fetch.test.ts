import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { FrontRequest } from './request.ts'
import { FastResponse } from './response.ts'

const Native = globalThis.Response

type Make = new (body?: never, init?: never) => Response

/** Everything a reader can see of an answer, or the error of making it. */
async function seen(make: Make, body: unknown, init: unknown): Promise<unknown> {
  try {
    const response = new make(body as never, init as never)
    const { status, statusText, ok, bodyUsed, redirected, type, url } = response
    const copy = response.clone()
    const reader = response.body?.getReader()
    return {
      status,
      statusText,
      ok,
      bodyUsed,
      redirected,
      type,
      url,
      headers: [...response.headers],
      text: await copy.text(),
      copyUsed: copy.bodyUsed,
      first: reader ? new TextDecoder().decode((await reader.read()).value) : null,
    }
  } catch (error) {
    return (error as Error).name
  }
}

const headerValues = fc.oneof(
  fc.string({ maxLength: 10 }),
  fc.constantFrom('text/html', 'a b', ' x ', 'é', ''),
)
const headerNames = fc.oneof(
  fc.constantFrom('content-type', 'X-A', 'x-a', 'Set-Cookie'),
  fc.string({ maxLength: 4 }),
)
const inits = fc.option(
  fc.record(
    {
      status: fc.oneof(fc.constantFrom(200, 201, 204, 304, 404, 500), fc.integer({ min: 100, max: 700 })),
      statusText: fc.constantFrom('', 'Fine', 'bad\n'),
      headers: fc.oneof(
        fc.dictionary(headerNames, headerValues, { maxKeys: 3 }),
        fc.array(fc.tuple(headerNames, headerValues), { maxLength: 3 }),
        fc.constant(new Headers({ 'x-a': '1' })),
      ),
    },
    { requiredKeys: [] },
  ),
  { nil: undefined },
)
const bodies = fc.oneof(
  fc.string(),
  fc.constant(null),
  fc.constant(undefined),
  fc.uint8Array(),
  fc.constant(12),
  fc.constant(new URLSearchParams({ a: 'b' })),
)

test('an answer of ours looks like the platform’s own', async () => {
  await fc.assert(
    fc.asyncProperty(bodies, inits, async (body, init) => {
      assert.deepEqual(
        await seen(FastResponse as unknown as Make, body, init),
        await seen(Native as Make, body, init),
      )
    }),
    { numRuns: 1_500 },
  )
})

test('a used body stays used, and instanceof works both ways', async () => {
  const ours = new FastResponse('x') as unknown as Response
  assert.ok(ours instanceof Native)
  assert.ok(new Native('x') instanceof FastResponse)
  assert.equal(ours.bodyUsed, false)
  assert.equal(await ours.text(), 'x')
  assert.equal(ours.bodyUsed, true)
  await assert.rejects(ours.text(), TypeError)
  assert.equal(FastResponse.plainBody(ours), undefined)
})

test('the app may use its buffer again after the answer was made', () => {
  const bytes = new Uint8Array([1, 2])
  const ours = new FastResponse(bytes)
  bytes[0] = 9
  assert.deepEqual(FastResponse.plainBody(ours), new Uint8Array([1, 2]))
})

test('an answer can be made of another one', async () => {
  const first = new FastResponse('hello', { status: 201, headers: { 'X-A': '1' } }) as unknown as Response
  const second = new FastResponse(first.body, first) as unknown as Response
  assert.deepEqual([second.status, second.headers.get('x-a'), await second.text()], [201, '1', 'hello'])
  assert.equal(((await new Native('{"a":1}').json()) as { a: number }).a, 1)
  assert.deepEqual(await FastResponse.json({ a: 1 }).json(), { a: 1 })
})

test('a request made of an ordinary one is an ordinary one', async () => {
  const request = new FrontRequest('http://a.test/x', { method: 'POST', body: 'b' })
  assert.ok(request instanceof Request)
  assert.equal(await new FrontRequest(request).text(), 'b')
})
