import assert from 'node:assert/strict'
import { test } from 'node:test'
import { start, Visitor } from './visitor.ts'

const METHODS = ['get', 'post', 'put', 'patch', 'delete']

test('the document is served, and names every operation that answers', async () => {
  await using app = await start()
  const response = await app.fetch('/openapi.json')
  assert.equal(response.headers.get('content-type'), 'application/json')
  const document = (await response.json()) as { openapi: string; paths: Record<string, object> }
  assert.match(document.openapi, /^3\.1\./)
  const visitor = new Visitor(app)
  for (const [template, operations] of Object.entries(document.paths)) {
    for (const method of METHODS) {
      const { status } = await visitor.call(method.toUpperCase(), template.replace('{id}', '1'))
      const documented = method in operations
      assert.equal(status !== 405, documented, `${method} ${template} → ${status}`)
    }
  }
})

test('what is not in the document is not there', async () => {
  await using app = await start()
  const visitor = new Visitor(app)
  const paths = ['/api', '/api/', '/api/users', '/api/me/', '/api/posts/1', '/users/1/x']
  for (const path of paths) await visitor.expect(404, 'GET', path)
})

test('every reference in the document leads somewhere', async () => {
  await using app = await start()
  const text = await (await app.fetch('/openapi.json')).text()
  const { components } = JSON.parse(text) as { components: { schemas: object } }
  for (const [, name = ''] of text.matchAll(/"#\/components\/schemas\/(\w+)"/g)) {
    assert.ok(name in components.schemas, name)
  }
})
