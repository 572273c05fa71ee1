import type { z } from 'zod'
import type { Lightbox } from '../domain/index.ts'

/** One operation of the API: how it is served and how it is documented, from the same words. */
export interface Route {
  readonly method: 'get' | 'post' | 'put' | 'patch' | 'delete'
  /** As OpenAPI writes it: `/api/posts/{id}/like`. */
  readonly path: string
  readonly operation: string
  readonly summary: string
  /** What `{id}` is. */
  readonly id?: 'user' | 'post' | 'photo'
  /** Whether somebody must be logged in. */
  readonly auth?: boolean
  /** Whether it matters who is logged in, if anybody is. */
  readonly viewer?: boolean
  /** Whether `?before=` is understood. */
  readonly paged?: boolean
  /** Whether `Accept-Token: 1` is understood. */
  readonly tokens?: boolean
  readonly body?: z.ZodType
  /** Fields beside the file `image` of a form, which the route reads by itself. */
  readonly upload?: z.ZodType
  /** Whether the answer is a stream of events; the route makes it by itself. */
  readonly events?: boolean
  /** The answer when all goes well. */
  readonly status: 200 | 201 | 202 | 204
  readonly answer?: z.ZodType
  /** Further statuses, all with a problem as their body; what `auth`, `body` and so on imply is added. */
  readonly problems?: readonly number[]
  readonly handle: (call: Call<unknown>) => Promise<unknown>
}

/** A request that passed the door. */
export interface Call<Body> {
  readonly system: Lightbox
  readonly request: Request
  /** The path's `{id}`, as it was sent. */
  readonly id: string
  /** Who is logged in; empty when nobody is, or where neither `auth` nor `viewer` is asked for. */
  readonly userId: string
  readonly before: string | undefined
  readonly body: Body
}

/** Ties the type of the body to its schema. */
export function route<Body extends z.ZodType>(
  options: Omit<Route, 'handle' | 'body'> & {
    readonly body: Body
    readonly handle: (call: Call<z.output<Body>>) => Promise<unknown>
  },
): Route
export function route(options: Route): Route
export function route(options: Route): Route {
  return options
}
