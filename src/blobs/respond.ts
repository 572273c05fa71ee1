import { namesEtag, parseRange } from '../core/byte-range.ts'
import type { Places } from './places.ts'
import { readBytes, readParts } from './read.ts'
import type { RespondOptions } from './types.ts'

/** The content of an id never changes. */
const IMMUTABLE = 'public, max-age=31536000, immutable'
/** Up to here an answer is read at once and leaves in one write. Bytes. */
const SMALL_BYTES = 256 * 1024
/** Types that may run scripts when a browser opens them by their address. */
const ACTIVE = /html|xml|svg|xsl/i
const INERT_POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox"

/** An answer with a blob that is there, as the request asks for it (RFC 9110: ranges, conditions, HEAD). */
export async function respond(
  places: Places,
  request: Request,
  { id, bytes }: { id: string; bytes: number },
  options: RespondOptions,
): Promise<Response> {
  const etag = `"${id}"`
  const headers: Record<string, string> = {
    'cache-control': options.cacheControl ?? IMMUTABLE,
    etag,
    'accept-ranges': 'bytes',
    'x-content-type-options': 'nosniff',
  }
  if (namesEtag(request.headers.get('if-none-match'), etag))
    return new Response(null, { status: 304, headers })
  headers['content-type'] = options.type
  if (ACTIVE.test(options.type)) headers['content-security-policy'] = INERT_POLICY
  if (options.filename !== undefined) headers['content-disposition'] = attachment(options.filename)
  const isHead = request.method === 'HEAD'
  const ifRange = request.headers.get('if-range')
  // A range is for GET only (RFC 9110, 14.2), and not for a version that the client does not have.
  const asked = isHead || (ifRange !== null && ifRange !== etag) ? null : request.headers.get('range')
  const range = parseRange(asked, bytes)
  if (range === 'unsatisfiable') {
    const { 'cache-control': _, 'content-type': __, ...rest } = headers
    return new Response(null, { status: 416, headers: { ...rest, 'content-range': `bytes */${bytes}` } })
  }
  const { first, last } = range ?? { first: 0, last: bytes - 1 }
  const end = last + 1
  headers['content-length'] = String(end - first)
  if (range) headers['content-range'] = `bytes ${first}-${last}/${bytes}`
  const status = range ? 206 : 200
  if (isHead) return new Response(null, { status, headers })
  const body =
    end - first <= SMALL_BYTES
      ? await readBytes(places, id, first, end)
      : streamOf(readParts(places, id, first, end))
  return new Response(body, { status, headers })
}

/** Opens nothing before it is read, so that an answer that is thrown away holds nothing. */
function streamOf(parts: AsyncGenerator<Uint8Array<ArrayBuffer>>): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream(
    {
      pull: async (controller) => {
        const { done, value } = await parts.next()
        if (done) controller.close()
        else controller.enqueue(value)
      },
      cancel: async () => {
        await parts.return(undefined)
      },
    },
    { highWaterMark: 0 },
  )
}

/** RFC 6266: an ASCII name for old clients, the real one in UTF-8 (RFC 8187). */
function attachment(filename: string): string {
  const plain = filename.replaceAll(/[^\x20-\x7e]|["\\%]/g, '_')
  const encoded = encodeURIComponent(filename.toWellFormed()).replaceAll(
    /['()*]/g,
    (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`,
  )
  return `attachment; filename="${plain}"; filename*=UTF-8''${encoded}`
}

/** What is said of a blob that is not there. */
export function notFound(error: { code: string; message: string; docs: string }): Response {
  const problem = {
    type: `/${error.docs}`,
    title: 'Not Found',
    status: 404,
    detail: error.message,
    code: error.code,
  }
  return new Response(JSON.stringify(problem), {
    status: 404,
    headers: { 'content-type': 'application/problem+json', 'cache-control': 'no-store' },
  })
}
