import { systemClock } from '../../../src/core/clock.ts'
import type { Dice } from './seed.ts'

/** Milliseconds after which a client gives up; then nobody knows what became of the request. */
const PATIENCE_MS = 60_000
/** Milliseconds after which a request counts as lost. The server answers within its own deadline of 10 s. */
const REQUEST_MS = 20_000

export interface Answer {
  readonly status: number
  readonly body: string
}

/** Sends a request once; a string says why there is no answer that counts. A 5xx promises nothing. */
export async function sendOnce(send: (signal: AbortSignal) => Promise<Response>): Promise<Answer | string> {
  try {
    const response = await send(AbortSignal.timeout(REQUEST_MS))
    const body = await response.text()
    return response.status < 500 ? { status: response.status, body } : `${response.status} ${codeOf(body)}`
  } catch (error) {
    const { cause, name } = error as { cause?: { code?: string }; name: string }
    return cause?.code ?? name
  }
}

/** Sends until there is an answer; undefined when the client's patience is over. */
export async function insist(
  send: (signal: AbortSignal) => Promise<Response>,
  options: { dice: Dice; troubles: Map<string, number>; patienceMs?: number | undefined },
): Promise<Answer | undefined> {
  const { dice, troubles, patienceMs = PATIENCE_MS } = options
  const until = systemClock.monotonic() + patienceMs
  for (let attempt = 0; systemClock.monotonic() < until; attempt++) {
    const reply = await sendOnce(send)
    if (typeof reply !== 'string') return reply
    troubles.set(reply, (troubles.get(reply) ?? 0) + 1)
    // As any decent client: pauses that grow, so that a server that comes back is not met by a storm.
    await systemClock.sleep(Math.min(5 * 2 ** attempt, 200) * (0.5 + dice.below(50) / 100))
  }
  return undefined
}

function codeOf(body: string): string {
  try {
    const { code, title } = JSON.parse(body) as { code?: string; title?: string }
    return code ?? title ?? ''
  } catch {
    return body.slice(0, 60)
  }
}
