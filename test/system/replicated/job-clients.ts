import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { systemClock } from '../../../src/core/clock.ts'
import { insist } from '../kit/insist.ts'
import { Progress } from '../kit/progress.ts'
import type { Dice } from '../kit/seed.ts'

const CLIENTS = 4
/** Milliseconds at most between an answer and the next request of a client. */
const THINK_MS_MAX = 120

/** Clients that ask for work of ever new owners, each until it is answered. */
export class JobClients {
  readonly troubles = new Map<string, number>()
  /** Owners whose work was asked for. */
  asked = 0
  readonly #progress = new Progress()
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
      this.#progress.add()
      await systemClock.sleep(dice.below(THINK_MS_MAX))
    }
  }

  get answered(): number {
    return this.#progress.done
  }

  /** Resolves when so many more have been answered; rejects with what a client met. */
  progress(requests: number): Promise<void> {
    return Promise.race([this.#progress.further(requests), this.done])
  }
}
