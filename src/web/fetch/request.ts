import type { IncomingMessage } from 'node:http'
import { BadJson } from '../errors.ts'
import type { ArrivedBody } from '../request/body.ts'
import { SpooledBody } from '../request/spooled-body.ts'
import { parseForm } from './form.ts'

/** Makes the signal when somebody asks for it, which costs more than the rest of a request. */
export interface SignalSource {
  readonly signal: AbortSignal
}

/** The platform's own class; ours only stands in front of it. */
const NativeRequest = globalThis.Request

type Input = ConstructorParameters<typeof Request>[0]

const strictUtf8 = new TextDecoder('utf-8', { fatal: true })
const looseUtf8 = new TextDecoder()

interface Parts {
  readonly incoming: IncomingMessage
  readonly method: string
  readonly url: string
  readonly body: ArrivedBody | undefined
  readonly source: SignalSource
  headers: Headers | undefined
  native: Request | undefined
  used: boolean
}

const parts = Symbol('request')
interface Light extends Request {
  [parts]: Parts
}

/** Parses a JSON body. @throws BadJson when it is not JSON in UTF-8 */
export function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(strictUtf8.decode(bytes))
  } catch (cause) {
    throw new BadJson({ cause })
  }
}

function headersOf(light: Parts): Headers {
  if (light.headers) return light.headers
  const headers = new Headers()
  const raw = light.incoming.rawHeaders
  for (let at = 0; at < raw.length; at += 2) headers.append(raw[at]!, raw[at + 1]!)
  light.headers = headers
  return headers
}

function nativeBody({ body, method }: Parts): RequestInit {
  if (!body || method === 'GET' || method === 'HEAD') return {}
  return body instanceof SpooledBody ? { body: body.stream(), duplex: 'half' } : { body }
}

/** The platform's own Request with the same content, made when something asks for what we do not have. */
function nativeOf(light: Parts): Request {
  light.native ??= new NativeRequest(light.url, {
    method: light.method,
    headers: headersOf(light),
    signal: light.source.signal,
    ...nativeBody(light),
  })
  return light.native
}

/** The body, once: after that, and after any other reader, the platform's own class answers. */
function take(light: Parts): Uint8Array<ArrayBuffer> | Promise<Uint8Array<ArrayBuffer>> | undefined {
  if (light.used || light.native) return undefined
  light.used = light.body !== undefined
  if (light.body instanceof SpooledBody) return light.body.bytes()
  return light.body ?? new Uint8Array(0)
}

/** A request whose body was taken through us must look used to whoever asks the platform's class. */
function usedNative(light: Parts): Request {
  const native = nativeOf(light)
  if (light.used && !native.bodyUsed && native.body) void native.body.cancel()
  return native
}

const prototype = Object.create(NativeRequest.prototype, {
  method: {
    get(this: Light) {
      return this[parts].method
    },
  },
  url: {
    get(this: Light) {
      return this[parts].url
    },
  },
  headers: {
    get(this: Light) {
      return headersOf(this[parts])
    },
  },
  signal: {
    get(this: Light) {
      return this[parts].source.signal
    },
  },
  bodyUsed: {
    get(this: Light) {
      return this[parts].used || (this[parts].native?.bodyUsed ?? false)
    },
  },
  text: {
    async value(this: Light) {
      const bytes = await take(this[parts])
      return bytes ? looseUtf8.decode(bytes) : usedNative(this[parts]).text()
    },
  },
  json: {
    async value(this: Light) {
      const bytes = await take(this[parts])
      return parseJson(bytes ?? (await usedNative(this[parts]).bytes()))
    },
  },
  arrayBuffer: {
    async value(this: Light) {
      const bytes = await take(this[parts])
      if (!bytes) return usedNative(this[parts]).arrayBuffer()
      return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength)
    },
  },
  formData: {
    async value(this: Light) {
      const light = this[parts]
      const bytes = await take(light)
      if (!bytes) return usedNative(light).formData()
      const headers = headersOf(light)
      const make = (body: Uint8Array<ArrayBuffer>) =>
        new NativeRequest(light.url, { method: 'POST', headers, body })
      return parseForm(make, headers.get('content-type') ?? '', bytes)
    },
  },
  bytes: {
    async value(this: Light) {
      const bytes = await take(this[parts])
      return bytes ? new Uint8Array(bytes) : usedNative(this[parts]).bytes()
    },
  },
})
for (const name of ['blob', 'clone'] as const)
  Object.defineProperty(prototype, name, {
    value(this: Light) {
      return usedNative(this[parts])[name]()
    },
  })
for (const name of [
  'body',
  'cache',
  'credentials',
  'destination',
  'duplex',
  'integrity',
  'keepalive',
  'mode',
  'redirect',
  'referrer',
  'referrerPolicy',
] as const)
  Object.defineProperty(prototype, name, {
    get(this: Light) {
      return usedNative(this[parts])[name as keyof Request]
    },
  })

/** A function, since a class would have to call the constructor of the platform's. */
const Light = function (this: Light, inside: Parts) {
  this[parts] = inside
} as unknown as new (
  inside: Parts,
) => Light
Light.prototype = prototype

/**
 * A `Request` for what Node received. It reads its parts where they are; the platform's own object, which
 * costs several microseconds, is made only when something needs it.
 */
export function lightRequest(
  incoming: IncomingMessage,
  url: string,
  body: ArrivedBody | undefined,
  source: SignalSource,
): Request {
  const method = incoming.method ?? 'GET'
  return new Light({
    incoming,
    method,
    url,
    body,
    source,
    headers: undefined,
    native: undefined,
    used: false,
  })
}

const unwrap = (input: Input): Input =>
  typeof input === 'object' && parts in input ? usedNative((input as Light)[parts]) : input

/** `new Request(request)` must also take ours, whose inside the platform's class does not know. */
export class FrontRequest extends NativeRequest {
  constructor(input: Input, init?: RequestInit) {
    super(unwrap(input), init)
  }
  static override [Symbol.hasInstance](value: unknown): boolean {
    return value instanceof NativeRequest
  }
}
