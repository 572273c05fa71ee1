import { tenfold } from 'tenfold'
import { z } from 'zod'
import type { AppDefinition } from '../../src/app/types.ts'
import type { Tables } from '../kit/app/app.ts'

const t = tenfold<Tables>()({ keys: { user: { type: 'bigint', columns: { posts: 'author_id' } } } })

/** Told of every run of the job, with the job's id and its payload's number. */
export type Handled = (id: string, token: number) => void

/** The app of `kit/app`, a job that does nothing but say that it ran, and names of cached values. */
export function jobsApp(handled: Handled) {
  const noop = t.job('noop', {
    input: z.object({ id: z.number() }),
    run: async ({ id, input }) => handled(id, input.id),
  })
  const definition = t.app({
    name: 'bench',
    migrations: new URL('../kit/app/migrations/', import.meta.url),
    jobs: [noop],
    fetch: () => () => new Response(null, { status: 204 }),
  })
  const keys = {
    card: t.cacheKey('card', (author: string) => [author]),
    posts: t.cacheKey('posts', (author: string) => [author]),
  }
  return { noop, keys, definition: definition as unknown as AppDefinition }
}
