import { once } from 'node:events'
import { Readable } from 'node:stream'
import { Busboy, type BusboyFileStream } from '@fastify/busboy'
import { HEAD_BYTES, kindOf } from '../darkroom/kind.ts'
import { REFUSALS } from '../darkroom/refusal.ts'
import { IMAGE_BYTES_MAX } from '../darkroom/settings.ts'
import { type Lightbox, Problem } from '../domain/index.ts'

/** What an upload may be in all: the image, the fields, and the lines between them. */
export const UPLOAD_BYTES_MAX = IMAGE_BYTES_MAX + 64 * 1024
const FIELD_BYTES_MAX = 32 * 1024
const FIELDS_MAX = 16

const MULTIPART = /^multipart\/form-data\s*(;|$)/i

export const isMultipart = (request: Request): boolean =>
  MULTIPART.test(request.headers.get('content-type') ?? '')

/** A form with a file. */
export interface Upload {
  readonly fields: ReadonlyMap<string, string>
  /** The blob of the image, stored but not kept yet; null when none was sent. */
  readonly image: string | null
}

/**
 * Stores the file of the field `image` as it streams in, and collects the other fields. Of the file only the bytes are
 * believed: neither its name nor its declared type. `fields` gets what was read, also when the rest is refused. @throws Problem `not-multipart`, `malformed-body`, `not-an-image`
 */
export async function readUpload(
  system: Lightbox,
  request: Request,
  fields = new Map<string, string>(),
): Promise<Upload> {
  if (!isMultipart(request) || !request.body) {
    throw new Problem('not-multipart', 415, 'Send `multipart/form-data` with the image in the field `image`.')
  }
  let storing: Promise<string | null> = Promise.resolve(null)
  const parser = parserOf(request)
  // A file can be refused when the form has been read to its end: then only `storing` tells.
  parser.on('error', () => {})
  parser.on('field', (name, value, nameCut, valueCut) => {
    if (nameCut || valueCut || fields.has(name))
      parser.destroy(malformed(`The field ${name} cannot be taken.`))
    fields.set(name, value)
  })
  parser.on('file', (name, file) => {
    if (name !== 'image') {
      parser.destroy(malformed('Only the field `image` takes a file.'))
      return
    }
    storing = store(system, file)
    // What is refused ends the reading of all.
    storing.catch((error: Error) => parser.destroy(error))
  })
  for (const limit of ['filesLimit', 'fieldsLimit', 'partsLimit'] as const) {
    parser.on(limit, () => parser.destroy(malformed('The form has too many parts.')))
  }
  await feed(request.body, parser)
  return { fields, image: await storing }
}

function parserOf(request: Request): InstanceType<typeof Busboy> {
  try {
    return new Busboy({
      headers: { 'content-type': request.headers.get('content-type') ?? '' },
      limits: { files: 1, fields: FIELDS_MAX, fieldSize: FIELD_BYTES_MAX, headerPairs: 16 },
    })
  } catch (cause) {
    throw malformed('The form has no boundary.', cause)
  }
}

async function feed(body: ReadableStream, parser: InstanceType<typeof Busboy>): Promise<void> {
  const done = once(parser, 'finish')
  done.catch(() => {}) // it is awaited below
  try {
    for await (const part of Readable.fromWeb(body as never)) {
      if (parser.destroyed) break
      if (!parser.write(part)) await Promise.race([once(parser, 'drain'), done])
    }
    if (!parser.destroyed) parser.end()
    await done
  } catch (error) {
    parser.destroy()
    // Its own errors are about the form; the others say by themselves what is wrong.
    if (error instanceof Error && error.constructor === Error)
      throw malformed('The form is broken off.', error)
    throw error
  }
}

async function store(system: Lightbox, file: BusboyFileStream): Promise<string | null> {
  const parts = file[Symbol.asyncIterator]() as AsyncIterator<Buffer>
  let head = Buffer.alloc(0)
  while (head.length < HEAD_BYTES) {
    const { done, value } = await parts.next()
    if (done) break
    head = Buffer.concat([head, value])
  }
  // A form whose file was not chosen sends an empty one.
  if (head.length === 0) return null
  if (kindOf(head) === null) throw new Problem('not-an-image', 415, REFUSALS['not-an-image'])
  const content = (async function* () {
    yield head
    for (let part = await parts.next(); !part.done; part = await parts.next()) yield part.value
  })()
  const blob = await system.blobs.put(content, { bytesMax: IMAGE_BYTES_MAX, signal: system.request.signal })
  return blob.id
}

function malformed(detail: string, cause?: unknown): Problem {
  const problem = new Problem('malformed-body', 400, detail)
  problem.cause = cause
  return problem
}
