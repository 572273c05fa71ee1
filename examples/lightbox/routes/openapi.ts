import { z } from 'zod'
import { components } from '../schemas/answers.ts'
import type { Route } from './route.ts'

type JsonObject = Record<string, unknown>

/** OpenAPI 3.1 of the operations: the same objects that serve them, so that the two cannot disagree. */
export function openapi(routes: readonly Route[]): JsonObject {
  const paths: Record<string, JsonObject> = {}
  for (const route of routes) {
    paths[route.path] ??= {}
    ;(paths[route.path] as JsonObject)[route.method] = operation(route)
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Lightbox',
      version: '0.1.0',
      description:
        'Photo sharing. Cookies and bearer tokens are equal. Every write may be repeated with the same ' +
        '`Idempotency-Key`: it is applied once and answers the same.',
    },
    paths,
    components: {
      schemas: schemas(),
      securitySchemes: {
        cookie: {
          type: 'apiKey',
          in: 'cookie',
          name: 'tenfold-session',
          description: 'Set by signing up and logging in; over TLS its name begins with `__Host-`.',
        },
        bearer: {
          type: 'http',
          scheme: 'bearer',
          description: 'Given by logging in with `Accept-Token: 1`.',
        },
      },
    },
  }
}

/** What the parts of a route can answer besides its own problems. */
export function problemsOf({ method, id, auth, paged, body, upload, problems = [] }: Route): number[] {
  const implied = [
    ...(id ? [404] : []),
    ...(auth ? [401] : []),
    ...(paged ? [400] : []),
    ...(body || upload ? [400, 413, 415] : []),
    ...(method === 'get' ? [] : [400, 403, 422]),
    503,
  ]
  return [...new Set([...implied, ...problems])].toSorted((a, b) => a - b)
}

function operation(route: Route): JsonObject {
  return {
    operationId: route.operation,
    summary: route.summary,
    parameters: parameters(route),
    ...(route.auth && { security: [{ cookie: [] }, { bearer: [] }] }),
    ...(route.body && {
      requestBody: { required: true, content: { 'application/json': { schema: input(route.body) } } },
    }),
    ...(route.upload && { requestBody: { required: true, content: uploadOf(route.upload) } }),
    responses: responses(route),
  }
}

/** A field that is not text is sent as JSON. */
function uploadOf(schema: z.ZodType): JsonObject {
  const { properties, ...rest } = input(schema) as { properties: JsonObject }
  const image = { type: 'string', contentMediaType: 'application/octet-stream' }
  return {
    'multipart/form-data': {
      schema: { ...rest, properties: { image, ...properties }, required: ['image'] },
      encoding: { edits: { contentType: 'application/json' } },
    },
  }
}

function parameters({ method, id, paged, tokens }: Route): JsonObject[] {
  const text = { type: 'string' }
  return [
    ...(id ? [{ name: 'id', in: 'path', required: true, schema: ID[id] }] : []),
    ...(paged
      ? [{ name: 'before', in: 'query', schema: text, description: '`next` of the page before' }]
      : []),
    ...(tokens ? [{ name: 'Accept-Token', in: 'header', schema: { enum: ['1'] } }] : []),
    ...(method === 'get' ? [] : [{ name: 'Idempotency-Key', in: 'header', schema: text }]),
  ]
}

const ID = {
  user: { type: 'string', pattern: '^[1-9][0-9]{0,18}$' },
  post: { type: 'string', format: 'uuid' },
  photo: { type: 'string', format: 'uuid' },
} as const

function responses(route: Route): JsonObject {
  const problem = { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } }
  const failures = problemsOf(route).map((status) => [status, { description: 'Problem', content: problem }])
  const name = Object.entries(components).find(([, schema]) => schema === route.answer)?.[0]
  const content = { 'application/json': { schema: { $ref: `#/components/schemas/${name}` } } }
  return {
    [route.status]: {
      description: route.summary,
      ...(route.answer && { content }),
      ...(route.events && { content: { 'text/event-stream': { schema: { type: 'string' } } } }),
    },
    ...(route.events && { 204: { description: 'There was nothing after `Last-Event-ID`' } }),
    ...Object.fromEntries(failures),
    default: { description: 'Problem', content: problem },
  }
}

function input(schema: z.ZodType): JsonObject {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io: 'input' })
  return rest
}

function schemas(): JsonObject {
  const registry = z.registry<{ id: string }>()
  for (const [id, schema] of Object.entries(components)) registry.add(schema, { id })
  const { schemas } = z.toJSONSchema(registry, { uri: (id) => `#/components/schemas/${id}` })
  return Object.fromEntries(
    Object.entries(schemas).map(([name, { $schema: _, $id: __, ...schema }]) => [name, schema]),
  )
}
