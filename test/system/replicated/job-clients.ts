import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { systemClock } from '../../../src/core/clock.ts'
import { until } from '../kit/deadline.ts'
import { insist } from '../kit/insist.ts'
import type { Dice } from '../kit/seed.ts'

const CLIENTS = 4
/** Milliseconds at most between an answer and the next request of a client. */
const THINK_MS_MAX = 120
const RUN_MS_MAX = 120_000

/** Clients that ask for work of ever new owners, each until it is answered. */
export class JobClients {
  readonly troubles = new Map<string, number>()
  /** Owners whose work was asked for. */
  asked = 0
  answered = 0
  #ended = false
  readonly done: Promise<void>
  readonly #url: string

  constructor(t: TestContext, url: string, dice: Dice) {
    this.#url = url
    this.done = Promise.all(Array.from({ length: CLIENTS }, (_, at) => this.#one(dice.branch(at)))).then(
      () => {},
    )
    this.done.catch(() => {})
    t.after(() => {
      this.end()
      return this.done.catch(() => {})
    })
  }

  end(): void {
    this.#ended = true
  }

  async #one(dice: Dice): Promise<void> {
    while (!this.#ended) {
      const owner = ++this.asked
      const headers = { 'idempotency-key': dice.uuid() }
      const reply = await insist(
        (signal) => fetch(`${this.#url}/work?owner=${owner}&step=none`, { method: 'POST', headers, signal }),
        { dice, troubles: this.troubles },
      )
      assert.equal(reply?.status, 200, reply?.body)
      this.answered++
      await systemClock.sleep(dice.below(THINK_MS_MAX))
    }
  }

  async progress(requests: number): Promise<void> {
    const end = this.answered + requests
    const working = until(
      `${requests} answers`,
      () => (this.answered >= end ? true : undefined),
      RUN_MS_MAX,
      20,
    )
    await Promise.race([working, this.done])
  }
}
