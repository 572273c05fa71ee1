import assert from 'node:assert/strict'
import { type StartTestOptions, startTest, type TestClient } from 'tenfold/test'
import lightbox from '../app.ts'
import { type Answer, assertDocumented, type Json } from './contract.ts'

/** Lightbox on empty databases. */
export const start = (options: StartTestOptions = {}) => startTest(lightbox, options)

/** What works on one cluster only is found on the first day, not at the last stage. The long form runs on one, too. */
export const CLUSTERS: readonly (1 | 2)[] = process.env.TENFOLD_TEST_LONG === '1' ? [1, 2] : [2]

export type Site = Awaited<ReturnType<typeof start>>

export interface Call {
  readonly body?: unknown
  /** Instead of `body`: exactly these bytes. */
  readonly raw?: string | Uint8Array<ArrayBuffer>
  readonly headers?: Readonly<Record<string, string>>
}

export const PASSWORD = 'a long enough password'

/** A client of the API that keeps its cookies, or a bearer token, and checks every answer against the document. */
export class Visitor {
  readonly #site: Site
  readonly #cookies: TestClient['cookies']
  token: string | undefined
  /** Once signed up. */
  id = ''

  constructor(site: Site) {
    this.#site = site
    this.#cookies = site.client().cookies
  }

  /** The header that it sends. */
  get cookie(): string {
    return this.#cookies.header('/') ?? ''
  }

  /** The part of it that says who this is; empty when it does not. */
  get session(): string {
    return this.cookie.split('; ').find((one) => one.startsWith('tenfold-session=')) ?? ''
  }

  get = (path: string, call?: Call): Promise<Answer> => this.call('GET', path, call)
  post = (path: string, body: unknown, call?: Call): Promise<Answer> =>
    this.call('POST', path, { body, ...call })
  patch = (path: string, body: unknown, call?: Call): Promise<Answer> =>
    this.call('PATCH', path, { body, ...call })
  put = (path: string, call?: Call): Promise<Answer> => this.call('PUT', path, call)
  delete = (path: string, call?: Call): Promise<Answer> => this.call('DELETE', path, call)

  async call(method: string, path: string, { body, raw, headers }: Call = {}): Promise<Answer> {
    const content = raw ?? (body === undefined ? null : JSON.stringify(body))
    const response = await this.#site.fetch(path, {
      method,
      body: content,
      headers: {
        ...(content !== null && { 'content-type': 'application/json' }),
        ...(this.cookie !== '' && { cookie: this.cookie }),
        ...(this.token !== undefined && { authorization: `Bearer ${this.token}` }),
        ...headers,
      },
    })
    this.#cookies.take(response)
    const text = await response.text()
    const json = (response.headers.get('content-type') ?? '').includes('json') ? JSON.parse(text) : undefined
    const answer = { status: response.status, headers: response.headers, text, json }
    assert.ok(answer.status < 500 || answer.status === 503, `${method} ${path} → ${answer.status}: ${text}`)
    assertDocumented(method, path, answer)
    return answer
  }

  /** As `call`, and the status must be this one. */
  async expect(status: number, method: string, path: string, call?: Call): Promise<Json> {
    const answer = await this.call(method, path, call)
    assert.equal(answer.status, status, `${method} ${path} → ${answer.status}: ${answer.text}`)
    return answer.json
  }
}

/** Somebody new with this handle, logged in. */
export async function signUp(site: Site, handle: string): Promise<Visitor> {
  const visitor = new Visitor(site)
  const body = { handle, firstName: 'First', lastName: 'Last', password: PASSWORD }
  const { id } = await visitor.expect(201, 'POST', '/api/accounts', { body })
  visitor.id = id
  return visitor
}
