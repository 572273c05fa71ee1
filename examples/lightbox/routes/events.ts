import type { UnderlyingSource } from 'node:stream/web'
import { type Lightbox, photoState } from '../domain/index.ts'

/** How often the state is looked at while somebody waits for it. It comes from the cache unless it has changed. */
const LOOK_MS = 300
/** Comments keep proxies from closing a silent connection. */
const COMMENT_MS = 15_000
const ENCODER = new TextEncoder()

const HEADERS = {
  'content-type': 'text/event-stream',
  'cache-control': 'no-store',
  // For proxies that collect answers before they pass them on.
  'x-accel-buffering': 'no',
} as const

/**
 * Server-sent events that tell what becomes of a photo. Each event holds the whole state, so that nothing is missed
 * between two connections: whoever comes back gets the state of now, unless it is the one they named in
 * `Last-Event-ID`. After the last event the answer ends, and who asks again is told to stop (204).
 * @throws Problem `not-found`
 */
export async function photoEvents(
  system: Lightbox,
  id: string,
  viewerId: string | null,
  request: Request,
): Promise<Response> {
  const first = await photoState(system, id, viewerId)
  const told = request.headers.get('last-event-id')
  if (first.over && told === first.version) return new Response(null, { status: 204 })
  const body = new ReadableStream<Uint8Array>(new Events(system, id, viewerId, told))
  return new Response(body, { headers: HEADERS })
}

/** Looks at the state as long as the reader wants more. */
class Events implements UnderlyingSource<Uint8Array> {
  readonly #look: () => ReturnType<typeof photoState>
  #told: string | null
  #silentMs = 0
  #timer: NodeJS.Timeout | undefined
  #wake: () => void = () => {}
  #left = false

  constructor(system: Lightbox, id: string, viewerId: string | null, told: string | null) {
    this.#look = () => photoState(system, id, viewerId)
    this.#told = told
  }

  async pull(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    for (;;) {
      const { version, over, ...state } = await this.#look()
      if (this.#left) return
      const isNew = version !== this.#told
      if (isNew) {
        this.#told = version
        this.#silentMs = 0
        const data = JSON.stringify(state)
        controller.enqueue(ENCODER.encode(`id: ${version}\nevent: status\ndata: ${data}\n\n`))
      }
      if (over) return controller.close()
      if (isNew) return
      await this.#pause()
      if (this.#left) return
      if (this.#silentMs >= COMMENT_MS) {
        this.#silentMs = 0
        return controller.enqueue(ENCODER.encode(': still here\n\n'))
      }
    }
  }

  cancel(): void {
    this.#left = true
    clearTimeout(this.#timer)
    this.#wake()
  }

  async #pause(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#wake = resolve
    this.#timer = setTimeout(resolve, LOOK_MS)
    await promise
    this.#silentMs += LOOK_MS
  }
}
