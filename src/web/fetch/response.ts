/** The platform's own class; ours extends it. */
const NativeResponse = globalThis.Response

type Body = ConstructorParameters<typeof Response>[0]
type Init = ConstructorParameters<typeof Response>[1]
/** A body that can be written to a socket as it is. */
export type PlainBody = string | Uint8Array<ArrayBuffer>
type HeaderRecord = Record<string, string>

const HEADER_NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
/** Visible text without blanks at its ends, which `Headers` would trim. */
const HEADER_VALUE = /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/
const TEXT = 'text/plain;charset=UTF-8'

const getter = (name: keyof Response): ((this: object) => unknown) =>
  Object.getOwnPropertyDescriptor(NativeResponse.prototype, name)?.get as (this: object) => unknown
const nativeHeaders = getter('headers') as (this: object) => Headers

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
const bodyless = (status: number): boolean =>
  status === 101 || status === 103 || status === 204 || status === 205 || status === 304

// TypeScript sees the members of Response as properties, which accessors may not override.
const Base = NativeResponse as unknown as new (body?: Body, init?: Init) => object

/**
 * The platform's `Response`, but a body of text or bytes stays what it is until someone asks for a stream,
 * and a plain record of headers stays one until someone asks for `Headers`: making both costs about four
 * microseconds, and most answers go straight to a socket. Anything unusual is left to the platform's class.
 */
export class FastResponse extends Base {
  #plain: PlainBody | undefined
  #record: HeaderRecord | undefined
  #native: Response | undefined

  constructor(body?: Body, init?: Init) {
    const isText = typeof body === 'string'
    const isPlain = isText || (body instanceof Uint8Array && body.buffer instanceof ArrayBuffer)
    if (!isPlain || bodyless(Number(init?.status ?? 200))) {
      super(body, init)
      return
    }
    const record = plainRecord(init?.headers)
    if (record === undefined) super(null, init)
    else if (init?.status === undefined && init?.statusText === undefined) super(null)
    else super(null, { status: init.status ?? 200, statusText: init.statusText ?? '' })
    // A copy, as the platform takes one: the app may use its buffer again.
    this.#plain = isText ? body : new Uint8Array(body as Uint8Array)
    this.#record = record
    if (!isText) return
    if (record !== undefined) record['content-type'] ??= TEXT
    else {
      const headers = nativeHeaders.call(this)
      if (!headers.has('content-type')) headers.set('content-type', TEXT)
    }
  }

  get headers(): Headers {
    const headers = nativeHeaders.call(this)
    const record = this.#record
    if (record !== undefined) {
      this.#record = undefined
      for (const name in record) headers.append(name, record[name]!)
    }
    return headers
  }

  /** The answer as the platform makes it; from then on it owns the body. */
  static whole(response: FastResponse): Response | undefined {
    if (response.#plain !== undefined) {
      const { status, statusText } = response as unknown as Response
      response.#native = new NativeResponse(response.#plain, {
        status,
        statusText,
        headers: response.headers,
      })
      response.#plain = undefined
    }
    return response.#native
  }
  static peek(response: FastResponse): Response | undefined {
    return response.#native
  }

  /** For the sender: the body as it was given, or undefined when it has to be read as a stream. */
  static plainBody(response: object): PlainBody | undefined {
    return #plain in response ? response.#plain : undefined
  }
  /** For the sender: headers that never became `Headers`, names in lower case. */
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
  static override [Symbol.hasInstance](value: unknown): boolean {
    return value instanceof NativeResponse
  }
}

for (const name of ['text', 'json', 'arrayBuffer', 'bytes', 'blob', 'formData', 'clone'] as const) {
  const own = NativeResponse.prototype[name] as (this: object) => unknown
  Object.defineProperty(FastResponse.prototype, name, {
    configurable: true,
    writable: true,
    value(this: FastResponse) {
      return own.call(FastResponse.whole(this) ?? this)
    },
  })
}
const nativeBody = getter('body')
const nativeUsed = getter('bodyUsed')
Object.defineProperties(FastResponse.prototype, {
  body: {
    configurable: true,
    get(this: FastResponse) {
      return nativeBody.call(FastResponse.whole(this) ?? this)
    },
  },
  bodyUsed: {
    configurable: true,
    get(this: FastResponse) {
      return nativeUsed.call(FastResponse.peek(this) ?? this)
    },
  },
})
