import assert from 'node:assert/strict'
import type { TestApp } from 'tenfold/test'
import { type Answer, assertDocumented, type Json } from './contract.ts'

/** What of the app under test a visitor needs. */
export type Site = Pick<TestApp, 'fetch'>

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
  #cookies = new Map<string, string>()
  token: string | undefined
  /** Once signed up. */
  id = ''

  constructor(site: Site) {
    this.#site = site
  }

  get cookie(): string {
    return [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ')
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
        ...(this.#cookies.size > 0 && { cookie: this.cookie }),
        ...(this.token !== undefined && { authorization: `Bearer ${this.token}` }),
        ...headers,
      },
    })
    this.#keepCookies(response.headers)
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

  #keepCookies(headers: Headers): void {
    for (const line of headers.getSetCookie()) {
      const [pair = '', ...attributes] = line.split(';').map((part) => part.trim())
      const [name = '', value = ''] = [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]
      const gone = value === '' || attributes.some((attribute) => /^max-age=0$/i.test(attribute))
      if (gone) this.#cookies.delete(name)
      else this.#cookies.set(name, value)
    }
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
