import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { startTest } from 'tenfold/test'
import definition from './app.ts'

// On two clusters each topic lies on one of two databases: what works only on one fails here.
for (const clusters of [1, 2] as const) {
  describe(`on ${clusters} cluster${clusters > 1 ? 's' : ''}`, () => {
    test('a note is there once it is written', async (t) => {
      const app = await startTest(definition, { clusters })
      t.after(() => app.stop())
      for (const topic of ['books', 'films', 'music']) {
        const written = await app.fetch(`/api/topics/${topic}`, { json: { text: `about ${topic}` } })
        assert.equal(written.status, 201)
        const { notes } = (await (await app.fetch(`/api/topics/${topic}`)).json()) as {
          notes: { text: string }[]
        }
        assert.deepEqual(
          notes.map(({ text }) => text),
          [`about ${topic}`],
        )
      }
    })

    test('the page shows notes as text, never as markup', async (t) => {
      const app = await startTest(definition, { clusters })
      t.after(() => app.stop())
      await app.fetch('/api/topics/books', { json: { text: '<b>bold</b>' } })
      const html = await (await app.fetch('/topics/books')).text()
      assert.match(html, /&lt;b&gt;bold&lt;\/b&gt;/)
    })

    test('an empty note is refused', async (t) => {
      const app = await startTest(definition, { clusters })
      t.after(() => app.stop())
      const refused = await app.fetch('/api/topics/books', { json: { text: '   ' } })
      assert.equal(refused.status, 422)
    })
  })
}
