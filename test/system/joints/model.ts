import assert from 'node:assert/strict'
import { systemClock } from '../../../src/core/clock.ts'
import { CookieJar } from '../../../src/testing/cookies.ts'
import type { Payment, Wallet } from './app.ts'

/** How long somebody goes on asking. */
const PATIENCE_MS = 20_000

/** What must be true of all wallets, whatever happened on the way. */
export class Model {
  readonly #balance = new Map<string, number>()
  readonly #receipts = new Map<string, number>()
  readonly #versions = new Map<string, number>()
  readonly applied: Payment[] = []

  constructor(users: readonly string[]) {
    for (const user of users) {
      this.#balance.set(user, 1000)
      this.#receipts.set(user, 0)
      this.#versions.set(user, 1)
    }
  }

  apply(payment: Payment): void {
    const { from, to, amount } = payment
    this.applied.push(payment)
    add(this.#balance, from, -amount)
    add(this.#balance, to, amount)
    add(this.#receipts, from, 1)
    // Paid, credited, receipted: three changes.
    add(this.#versions, from, 2)
    add(this.#versions, to, 1)
  }

  wallet(user: string): Wallet {
    const of = (map: Map<string, number>): number => map.get(user) as number
    return { balance: of(this.#balance), receipts: of(this.#receipts), version: of(this.#versions) }
  }
}

const add = (map: Map<string, number>, key: string, by: number): void =>
  void map.set(key, (map.get(key) ?? 0) + by)

/** Somebody with cookies, who asks one node after another until one answers, under the same key. */
export class Visitor {
  readonly #urls: () => readonly string[]
  readonly #jar = new CookieJar(systemClock)
  /** By user: the highest version of the wallet that was shown or made. */
  readonly #seen = new Map<string, number>()
  #turn = 0

  constructor(urls: () => readonly string[]) {
    this.#urls = urls
  }

  async pay(payment: Payment): Promise<Wallet | null> {
    const headers = { 'content-type': 'application/json', 'idempotency-key': payment.id }
    const body = JSON.stringify(payment)
    const response = await this.#insist('/pay', { method: 'POST', headers, body })
    const left = (await response.json()) as Wallet | null
    if (left) this.#saw(payment.from, left)
    return left
  }

  async look(user: string): Promise<Wallet> {
    const wallet = (await (await this.#insist(`/wallets/${user}`, {})).json()) as Wallet
    const before = this.#seen.get(user) ?? 0
    assert.ok(wallet.version >= before, `saw version ${wallet.version} of ${user} after ${before}`)
    this.#saw(user, wallet)
    return wallet
  }

  #saw(user: string, { version }: Wallet): void {
    this.#seen.set(user, Math.max(version, this.#seen.get(user) ?? 0))
  }

  async #insist(
    path: string,
    init: { method?: string; headers?: Record<string, string>; body?: string },
  ): Promise<Response> {
    const until = systemClock.monotonic() + PATIENCE_MS
    let trouble = ''
    while (systemClock.monotonic() < until) {
      const urls = this.#urls()
      const cookie = this.#jar.header('/')
      const headers = { ...init.headers, ...(cookie !== undefined && { cookie }) }
      try {
        const response = await fetch(urls[this.#turn++ % urls.length] + path, {
          ...init,
          headers,
          signal: AbortSignal.timeout(5_000),
        })
        const body = await response.text()
        this.#jar.take(response)
        if (response.status < 500) {
          assert.ok([200, 409].includes(response.status), `${response.status} ${body}`)
          return new Response(body)
        }
        trouble = `${response.status} ${body}`
      } catch (error) {
        if (error instanceof assert.AssertionError) throw error
        trouble = String(error)
      }
      await systemClock.sleep(5)
    }
    throw new Error(`Nobody answered ${path} within ${PATIENCE_MS} ms: ${trouble}`)
  }
}
