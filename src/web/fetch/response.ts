/** The platform's own class; ours stands in front of it. */
const NativeResponse = globalThis.Response

type Body = ConstructorParameters<typeof Response>[0]
type Init = ConstructorParameters<typeof Response>[1]
/** A body that can be written to a socket as it is. */
export type PlainBody = string | Uint8Array<ArrayBuffer>
export type HeaderRecord = Record<string, string>

const HEADER_NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
/** Visible text without blanks at its ends, which `Headers` would trim. */
const HEADER_VALUE = /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/
const TEXT = 'text/plain;charset=UTF-8'

/** A copy with lower-case names when every header is an ordinary one, else undefined. */
function plainRecord(headers: unknown): HeaderRecord | undefined {
  if (headers === undefined) return {}
  if (headers === null || typeof headers !== 'object') return undefined
  if (Object.getPrototypeOf(headers) !== Object.prototype) return undefined
  const record = headers as HeaderRecord
  const copy: HeaderRecord = {}
  for (const name in record) {
    const value = record[name]
    if (typeof value !== 'string' || !HEADER_NAME.test(name) || !HEADER_VALUE.test(value)) return undefined
    const lower = name.toLowerCase()
    if (lower in copy) return undefined
    copy[lower] = value
  }
  return copy
}

/** Answers without a body; the platform's class refuses one for them. */
const bodyless = (status: number): boolean => status === 204 || status === 205 || status === 304

/** The status when nothing about `init` is special but its headers, else undefined. */
function plainStatus(init: unknown): number | undefined {
  if (init === undefined) return 200
  if (init === null || typeof init !== 'object') return undefined
  const { status = 200, statusText = '' } = init as { status?: unknown; statusText?: unknown }
  if (typeof status !== 'number' || !Number.isInteger(status) || statusText !== '') return undefined
  return status >= 200 && status <= 599 && !bodyless(status) ? status : undefined
}

/**
 * The platform's `Response`, but a body of text or bytes stays what it is until someone asks for a stream, and a
 * plain record of headers stays one until someone asks for `Headers`: making the platform's own costs several
 * microseconds, and most answers go straight to a socket. Anything unusual is left to the platform's class.
 */
export class FastResponse {
  #status = 200
  #plain: PlainBody | undefined
  #record: HeaderRecord | undefined
  /** Has the head, and the body unless `#plain` has it. */
  #head: Response | undefined
  /** Has the body when somebody asked for a stream of what was plain. */
  #whole: Response | undefined

  constructor(body?: Body, init?: Init) {
    const isText = typeof body === 'string'
    const isPlain = isText || (body instanceof Uint8Array && body.buffer instanceof ArrayBuffer)
    const status = isPlain ? plainStatus(init) : undefined
    if (status === undefined) {
      this.#head = new NativeResponse(body, init)
      return
    }
    this.#status = status
    const record = plainRecord(init?.headers)
    if (record === undefined) this.#head = new NativeResponse(null, { status, headers: init!.headers! })
    // A copy, as the platform takes one: the app may use its buffer again.
    this.#plain = isText ? body : new Uint8Array(body as Uint8Array)
    this.#record = record
    if (!isText) return
    if (record !== undefined) record['content-type'] ??= TEXT
    else if (!this.#head!.headers.has('content-type')) this.#head!.headers.set('content-type', TEXT)
  }

  get status(): number {
    return this.#head?.status ?? this.#status
  }
  get headers(): Headers {
    return this.#native.headers
  }

  get #native(): Response {
    this.#head ??= new NativeResponse(null, { status: this.#status })
    const record = this.#record
    if (record !== undefined) {
      this.#record = undefined
      for (const name in record) this.#head.headers.append(name, record[name]!)
    }
    return this.#head
  }

  /** For members that do not concern the body: the platform's object behind one of ours, or the object itself. */
  static head(response: object): Response {
    return #plain in response ? response.#native : (response as Response)
  }
  /** For members that do: from then on the platform owns the body. */
  static whole(response: object): Response {
    if (!(#plain in response)) return response as Response
    if (response.#plain !== undefined) {
      const { status, headers } = response.#native
      response.#whole = new NativeResponse(response.#plain, { status, headers })
      response.#plain = undefined
    }
    return response.#whole ?? response.#native
  }
  static hasPlainBody(response: object): boolean {
    return #plain in response && response.#plain !== undefined
  }

  /** For the sender: the body as it was given, or undefined when it has to be read as a stream. */
  static plainBody(response: object): PlainBody | undefined {
    return #plain in response ? response.#plain : undefined
  }
  /** For the sender: headers that never became `Headers`, names in lower case, valid for the wire. */
  static plainHeaders(response: object): HeaderRecord | undefined {
    return #record in response ? response.#record : undefined
  }

  static json(data: unknown, init?: Init): Response {
    const text = JSON.stringify(data)
    if (text === undefined) throw new TypeError('The data is not JSON serializable')
    const headers = new Headers(init?.headers)
    if (!headers.has('content-type')) headers.set('content-type', 'application/json')
    return new FastResponse(text, { ...init, headers }) as unknown as Response
  }
  static [Symbol.hasInstance](value: unknown): boolean {
    return value instanceof NativeResponse
  }
}
Object.setPrototypeOf(FastResponse, NativeResponse)
Object.setPrototypeOf(FastResponse.prototype, NativeResponse.prototype)

const own = Object.getOwnPropertyDescriptors(NativeResponse.prototype)
for (const name of ['text', 'json', 'arrayBuffer', 'bytes', 'blob', 'formData', 'clone'] as const) {
  const method = own[name].value as (this: object) => unknown
  Object.defineProperty(FastResponse.prototype, name, {
    configurable: true,
    writable: true,
    value(this: object) {
      return method.call(FastResponse.whole(this))
    },
  })
}
for (const name of ['ok', 'statusText', 'type', 'url', 'redirected'] as const)
  Object.defineProperty(FastResponse.prototype, name, {
    configurable: true,
    get(this: object) {
      return (own[name].get as (this: Response) => unknown).call(FastResponse.head(this))
    },
  })
Object.defineProperties(FastResponse.prototype, {
  body: {
    configurable: true,
    get(this: object) {
      return own.body.get?.call(FastResponse.whole(this))
    },
  },
  bodyUsed: {
    configurable: true,
    get(this: object) {
      return FastResponse.hasPlainBody(this) ? false : own.bodyUsed.get?.call(FastResponse.whole(this))
    },
  },
})
