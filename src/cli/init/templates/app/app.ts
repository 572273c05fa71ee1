import { type System, tenfold } from 'tenfold'
import { page } from './page.ts'
import type { Schema } from './schema.ts'

const placing = {
  // Everything that belongs to one topic is together on one shard, found by the topic.
  keys: { topic: { type: 'text', columns: { notes: 'topic' } } },
} as const

const t = tenfold<Schema>()(placing)

type App = System<Schema, typeof placing>

const TEXT_MAX = 500
const SHOWN = 50

const newestNotes = (system: App, topic: string) =>
  system.shard
    .topic(topic)
    .read((db) =>
      db
        .selectFrom('notes')
        .select(['id', 'text', 'created_at'])
        .where('topic', '=', topic)
        .orderBy('id', 'desc')
        .limit(SHOWN)
        .execute(),
    )

/** Runs in one transaction on the topic's shard, and is applied once however often it has to run. */
const addNote = (system: App, topic: string, text: string) =>
  system.shard.topic(topic).write('add-note', (tx) =>
    tx.db
      .insertInto('notes')
      .values({ topic, id: system.ids.next(topic), text })
      .returning(['id', 'text', 'created_at'])
      .executeTakeFirstOrThrow(),
  )

/** `{ "text": "…" }` as JSON, or the field of a form. */
async function textOf(request: Request): Promise<string | undefined> {
  const isJson = request.headers.get('content-type')?.startsWith('application/json')
  const body: unknown = isJson
    ? await request.json().catch(() => undefined)
    : Object.fromEntries(new URLSearchParams(await request.text()))
  const text = (body as { text?: unknown } | undefined)?.text
  return typeof text === 'string' && text.trim() !== '' && text.length <= TEXT_MAX ? text.trim() : undefined
}

const TOPIC = /^\/(?<api>api\/)?topics\/(?<topic>[a-z0-9-]{1,40})$/

export default t.app({
  name: '__NAME__',
  migrations: new URL('./migrations/', import.meta.url),
  assets: new URL('./public/', import.meta.url),

  fetch: (system) => async (request) => {
    const { pathname } = new URL(request.url)
    if (pathname === '/') return Response.redirect(new URL('/topics/welcome', request.url), 303)
    const { api, topic } = TOPIC.exec(pathname)?.groups ?? {}
    if (topic === undefined) return new Response('Not found\n', { status: 404 })

    if (request.method === 'POST') {
      const text = await textOf(request)
      if (text === undefined)
        return Response.json({ title: `text must have 1 to ${TEXT_MAX} characters` }, { status: 422 })
      const note = await addNote(system, topic, text)
      return api ? Response.json(note, { status: 201 }) : Response.redirect(request.url, 303)
    }
    if (request.method !== 'GET') return new Response(null, { status: 405, headers: { allow: 'GET, POST' } })

    const notes = await newestNotes(system, topic)
    if (api) return Response.json({ topic, notes })
    return page({ topic, notes, css: system.assets.url('app.css') })
  },
})
