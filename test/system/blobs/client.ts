import { createHash } from 'node:crypto'
import { type ClientRequest, request } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'

const PART = 256 * 1024

/** The content of a number: different for each, and never at hand as a whole. */
export function* contentOf(number: number, bytes: number): Generator<Buffer> {
  for (let at = 0; at < bytes; at += PART) {
    const part = Buffer.alloc(Math.min(PART, bytes - at), number % 251)
    part.writeUInt32LE(number * 1_000 + at / PART, 0)
    yield part
  }
}

export function idOf(content: Iterable<Buffer>): string {
  const hash = createHash('sha256')
  for (const part of content) hash.update(part)
  return hash.digest('hex')
}

export interface Answer {
  readonly status: number
  readonly body: string
  readonly headers: Record<string, unknown>
}

/** Begins an upload; `answer` rejects when the connection is lost. */
export function begin(
  url: string,
  path: string,
  headers: Record<string, string>,
): { req: ClientRequest; answer: Promise<Answer> } {
  const req = request(new URL(path, url), { method: 'POST', headers, agent: false })
  const answer = new Promise<Answer>((resolve, reject) => {
    req.on('error', reject)
    req.on('response', (res) => {
      let body = ''
      res.setEncoding('utf8')
      res.on('data', (text: string) => {
        body += text
      })
      res.on('error', reject)
      res.on('end', () => resolve({ status: res.statusCode ?? 0, body, headers: res.headers }))
    })
  })
  answer.catch(() => {}) // whoever waits for it learns of it
  return { req, answer }
}

/** A whole upload of a known length. */
export async function upload(
  url: string,
  path: string,
  number: number,
  bytes: number,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const { req, answer } = begin(url, path, { 'content-length': String(bytes), ...headers })
  pipeline(Readable.from(contentOf(number, bytes)), req).catch(() => {}) // the answer says what matters
  return answer
}
