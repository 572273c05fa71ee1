import type { z } from 'zod'
import { type FieldProblem, Problem } from '../domain/index.ts'

const JSON_TYPE = /^application\/json\s*(;\s*charset\s*=\s*"?utf-8"?\s*)?$/i
const UTF8 = new TextDecoder('utf-8', { fatal: true })

/** The body, decoded and checked. @throws Problem `not-json`, `malformed-body`, `invalid` */
export async function readBody<Body extends z.ZodType>(
  request: Request,
  schema: Body,
): Promise<z.output<Body>> {
  if (!JSON_TYPE.test(request.headers.get('content-type') ?? '')) {
    throw new Problem('not-json', 415, 'Send JSON in UTF-8, with `Content-Type: application/json`.', {
      headers: { accept: 'application/json' },
    })
  }
  return check(schema, parse(await request.arrayBuffer()))
}

/** Checks what a client sent, JSON or form. @throws Problem `invalid`, with what is wrong with each field */
export function check<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const fields = result.error.issues.flatMap(fieldProblems)
  const [first] = fields
  const where = first?.pointer ? `${first.pointer}: ` : ''
  throw new Problem('invalid', 400, first ? where + first.detail : 'The body is not valid.', { fields })
}

function parse(bytes: ArrayBuffer): unknown {
  let text: string
  try {
    text = UTF8.decode(bytes)
  } catch (cause) {
    throw malformed('The body is not UTF-8.', cause)
  }
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw malformed('The body is not JSON.', cause)
  }
}

function malformed(detail: string, cause: unknown): Problem {
  const problem = new Problem('malformed-body', 400, detail)
  problem.cause = cause
  return problem
}

function fieldProblems(issue: z.core.$ZodIssue): FieldProblem[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({ pointer: pointer([...issue.path, key]), detail: 'is not known' }))
  }
  return [{ pointer: pointer(issue.path), detail: issue.message }]
}

/** RFC 6901. */
const pointer = (path: readonly PropertyKey[]): string =>
  path.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')
