import { systemClock } from '../../../src/core/clock.ts'
import type { Call, Recorder } from './history.ts'
import { changes } from './operations.ts'
import type { Dice } from './seed.ts'

/** Milliseconds after which a client gives up; then nobody knows what became of the operation. */
const PATIENCE_MS = 60_000
/** Milliseconds after which a request counts as lost. The server answers within its own deadline of 10 s. */
const REQUEST_MS = 20_000

export interface ClientOptions {
  readonly url: string
  readonly session: string
  readonly recorder: Recorder
  readonly dice: Dice
  /** The share of operations that are sent once more after their answer, under the same key. @defaultValue 0.1 */
  readonly repeats?: number
  readonly patienceMs?: number
}

/** What one request came to. */
type Reply =
  | { readonly kind: 'answer'; readonly body: unknown }
  | { readonly kind: 'again' | 'refused'; readonly why: string }

/**
 * One session of the workload. Whatever happens to a request, it is sent again under the same Idempotency-Key until
 * it is answered: that is the contract that the product offers.
 */
export class KitClient {
  readonly #options: ClientOptions
  /** Answers other than success, by their reason. */
  readonly troubles = new Map<string, number>()

  constructor(options: ClientOptions) {
    this.#options = options
  }

  async do(call: Call): Promise<unknown> {
    const { recorder, session, dice, repeats = 0.1 } = this.#options
    const operation = recorder.begin(session, call)
    const key = dice.uuid()
    const again = changes(call) && dice.chance(repeats)
    const until = systemClock.monotonic() + (this.#options.patienceMs ?? PATIENCE_MS)
    for (let attempt = 0; systemClock.monotonic() < until; attempt++) {
      operation.attempted()
      const reply = await this.#send(call, key)
      if (reply.kind === 'refused') {
        operation.failed()
        throw new Error(`${call.type} was refused: ${reply.why}`)
      }
      if (reply.kind === 'answer') {
        operation.answered(reply.body)
        if (again) await this.#repeat(call, key, operation.answered)
        return reply.body
      }
      this.troubles.set(reply.why, (this.troubles.get(reply.why) ?? 0) + 1)
      // As any decent client: pauses that grow, so that a server that comes back is not met by a storm.
      await systemClock.sleep(Math.min(5 * 2 ** attempt, 200) * (0.5 + dice.below(50) / 100))
    }
    operation.lost()
    throw new Error(`${call.type} was not answered within the client's patience`)
  }

  /** The same request once more: the answer must be the same. Nothing is demanded while nobody answers. */
  async #repeat(call: Call, key: string, answered: (body: unknown) => void): Promise<void> {
    const reply = await this.#send(call, key)
    if (reply.kind === 'answer') answered(reply.body)
  }

  async #send(call: Call, key: string): Promise<Reply> {
    try {
      const response = await this.#request(call, key)
      const body = await response.text()
      if (response.ok) return { kind: 'answer', body: JSON.parse(body) }
      const why = `${response.status} ${codeOf(body)}`
      // A 409 says that an earlier run of the same request is still under way.
      return { kind: response.status >= 500 || response.status === 409 ? 'again' : 'refused', why }
    } catch (error) {
      const { cause, name } = error as { cause?: { code?: string }; name: string }
      return { kind: 'again', why: cause?.code ?? name }
    }
  }

  #request(call: Call, key: string): Promise<Response> {
    const signal = AbortSignal.timeout(REQUEST_MS)
    const { url } = this.#options
    if (!changes(call)) return fetch(`${url}/op?call=${encodeURIComponent(JSON.stringify(call))}`, { signal })
    const headers = { 'content-type': 'application/json', 'idempotency-key': key }
    return fetch(`${url}/op`, { method: 'POST', headers, body: JSON.stringify(call), signal })
  }
}

function codeOf(body: string): string {
  try {
    const { code, title } = JSON.parse(body) as { code?: string; title?: string }
    return code ?? title ?? ''
  } catch {
    return body.slice(0, 60)
  }
}
