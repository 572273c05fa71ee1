import type { Call, Recorder } from './history.ts'
import { insist, sendOnce } from './insist.ts'
import { type Memory, noMemory } from './memory.ts'
import { changes } from './operations.ts'
import type { Dice } from './seed.ts'

export interface ClientOptions {
  readonly url: string
  readonly session: string
  readonly recorder: Recorder
  readonly dice: Dice
  /** The share of operations that are sent once more after their answer, under the same key. @defaultValue 0.1 */
  readonly repeats?: number
  readonly patienceMs?: number
  /** @defaultValue none: enough where only one server answers */
  readonly memory?: Memory | undefined
}

/**
 * One session of the workload. Whatever happens to a request, it is sent again under the same Idempotency-Key until
 * it is answered: that is the contract that the product offers.
 */
export class KitClient {
  readonly #options: ClientOptions
  /** What came instead of answers, by reason. */
  readonly troubles = new Map<string, number>()

  constructor(options: ClientOptions) {
    this.#options = options
  }

  async do(call: Call): Promise<unknown> {
    const { recorder, session, dice, repeats = 0.1, patienceMs } = this.#options
    const operation = recorder.begin(session, call)
    const key = dice.uuid()
    const again = changes(call) && dice.chance(repeats)
    const send = (signal: AbortSignal): Promise<Response> => {
      operation.attempted()
      return this.#request(call, key, signal)
    }
    const answer = await insist(send, { dice, troubles: this.troubles, patienceMs })
    if (!answer) {
      operation.lost()
      throw new Error(`${call.type} was not answered within the client's patience`)
    }
    if (answer.status !== 200) {
      operation.failed()
      throw new Error(`${call.type} was refused: ${answer.status} ${answer.body}`)
    }
    const result: unknown = JSON.parse(answer.body)
    operation.answered(result)
    // The same request once more: the answer must be the same. Nothing is demanded while nobody answers.
    const repeat = again ? await sendOnce(send) : ''
    if (typeof repeat !== 'string') operation.answered(JSON.parse(repeat.body))
    return result
  }

  async #request(call: Call, key: string, signal: AbortSignal): Promise<Response> {
    const { url, memory = noMemory() } = this.#options
    const sent = memory.headers()
    const posted = { 'content-type': 'application/json', 'idempotency-key': key }
    const response = changes(call)
      ? await fetch(`${url}/op`, {
          method: 'POST',
          headers: { ...posted, ...sent },
          body: JSON.stringify(call),
          signal,
        })
      : await fetch(`${url}/op?call=${encodeURIComponent(JSON.stringify(call))}`, {
          headers: sent,
          signal,
        })
    memory.take(response, sent)
    return response
  }
}
