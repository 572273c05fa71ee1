import assert from 'node:assert/strict'
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import formats from 'ajv-formats'
import { operations } from '../routes/index.ts'
import { openapi } from '../routes/openapi.ts'

type JsonObject = Record<string, unknown>

const document = openapi(operations) as {
  paths: Record<string, Record<string, { responses: Record<string, Documented> }>>
  components: { schemas: Record<string, JsonObject> }
}

interface Documented {
  content?: Record<string, { schema: JsonObject }>
}

const ajv = new Ajv2020({ strict: false })
formats.default(ajv)
ajv.addSchema({ $id: 'doc', components: document.components })

const compiled = new Map<string, ValidateFunction>()

function validator(schema: JsonObject): ValidateFunction {
  const key = JSON.stringify(schema).replaceAll('"#/', '"doc#/')
  const found = compiled.get(key) ?? ajv.compile(JSON.parse(key) as JsonObject)
  compiled.set(key, found)
  return found
}

/** An answer of the API as a test sees it. */
export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** The body; undefined without one. */
  readonly json: Json
}

/** Tests read what they expect; a wrong path is undefined and fails the assertion. */
// biome-ignore lint/suspicious/noExplicitAny: the body of any answer, looked into by assertions only
export type Json = any

/** Fails when the document does not describe this answer: its status, type and body. */
export function assertDocumented(method: string, path: string, answer: Answer): void {
  const name = `${method} ${path} → ${answer.status}`
  const described = find(method, path)
  if (!described) {
    assert.ok(answer.status === 404 || answer.status === 405, `${name} is not in the document`)
    return
  }
  const response = described.responses[answer.status]
  assert.ok(response, `${name} is not a documented status`)
  if (!response.content) {
    assert.equal(answer.text, '', `${name} has no documented body`)
    return
  }
  const type = (answer.headers.get('content-type') ?? '').split(';')[0] ?? ''
  const content = response.content[type]
  assert.ok(content, `${name} is ${type}, not ${Object.keys(response.content)}`)
  const validate = validator(content.schema)
  assert.ok(validate(answer.json), `${name}: ${ajv.errorsText(validate.errors)}\n${answer.text}`)
}

function find(method: string, path: string): { responses: Record<string, Documented> } | undefined {
  const bare = path.split('?')[0] ?? ''
  const template = Object.keys(document.paths).find((known) =>
    new RegExp(`^${known.replaceAll(/\{\w+\}/g, '[^/]+')}$`).test(bare),
  )
  return template === undefined ? undefined : document.paths[template]?.[method.toLowerCase()]
}
