import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import pg from 'pg'
import { BOUND_MS } from '../../../src/cache/level.ts'
import { systemClock } from '../../../src/core/clock.ts'
import { silentLogger } from '../../../src/core/log.ts'
import type { ClusterOptions } from '../../../src/data/client/types.ts'
import { prepareData } from '../../../src/data/prepare.ts'
import { testDatabase } from '../../../src/testing/postgres.ts'
import { type Bug, joints, type Payment, type Wallet } from './app.ts'
import { Model, Visitor } from './model.ts'
import { ModelNode } from './node.ts'
import { NODES, type Step, USERS, VISITORS } from './steps.ts'

/** Jobs have ended and effects are delivered by then. */
const SETTLE_MS = 20_000

/** Two nodes on the same databases, and those who use them. Every history has users of its own. */
export class ModelSystem {
  readonly #nodes: ModelNode[] = []
  readonly #t: TestContext
  readonly #clusters: readonly ClusterOptions[]
  readonly #sql: readonly pg.Pool[]
  readonly #gone: Promise<unknown>[] = []
  #users = 0

  readonly #bug: Bug | undefined

  private constructor(t: TestContext, clusters: readonly ClusterOptions[], bug: Bug | undefined) {
    this.#t = t
    this.#bug = bug
    this.#clusters = clusters
    this.#sql = clusters.map(({ connection }) => new pg.Pool({ ...connection, max: 2 }))
    for (const pool of this.#sql) pool.on('error', () => {}) // the query that fails says it
  }

  static async open(t: TestContext, clusters: number, bug?: Bug): Promise<ModelSystem> {
    const databases = await Promise.all(
      Array.from({ length: clusters }, () => testDatabase({ durable: true })),
    )
    const named = databases.map(({ connection }, index) => ({ name: `c${index}`, connection }))
    const system = await ModelSystem.on(t, named, bug)
    for (const { drop } of databases) t.after(drop) // hooks run in their order: after the system is closed
    return system
  }

  /** On empty databases, which are the caller's. */
  static async on(t: TestContext, named: readonly ClusterOptions[], bug?: Bug): Promise<ModelSystem> {
    const { options, placing } = joints()
    const { migrations } = options
    await prepareData({ clusters: named, placing, migrations, log: silentLogger })
    const system = new ModelSystem(t, named, bug)
    t.after(() => system.close())
    for (let index = 0; index < NODES; index++) system.#nodes[index] = await system.#startNode()
    return system
  }

  get nodes(): readonly ModelNode[] {
    return this.#nodes
  }

  /** Past all proxies, on every cluster. */
  async sql(text: string, params: readonly unknown[] = []): Promise<Record<string, unknown>[]> {
    return (await this.#everywhere(text, params)).rows
  }

  /** Somebody new, with a wallet. */
  async newUser(): Promise<string> {
    const user = String(++this.#users)
    await this.#openWallet(user)
    return user
  }

  async check(history: readonly Step[], { settleMs = SETTLE_MS } = {}): Promise<void> {
    const users: string[] = []
    for (let count = 0; count < USERS; count++) users.push(await this.newUser())
    const visitors = Array.from(
      { length: VISITORS },
      () => new Visitor(() => this.#nodes.map(({ url }) => url)),
    )
    // Cached on each node, before anything changes.
    for (const visitor of visitors) for (const user of users) await visitor.look(user)
    const applied = await this.#live(history, users, visitors)
    const model = new Model(users)
    for (const payment of applied) model.apply(payment)
    await this.#settled(settleMs)
    const settledAt = systemClock.monotonic()
    for (const user of users) {
      const { rows } = await this.#everywhere(
        'select balance, receipts, version from wallets where owner_id = $1',
        [user],
      )
      assert.deepEqual(rows, [model.wallet(user)], `the rows of ${user}`)
    }
    // Nobody is told anything older, once it has all been delivered: with cookies and without.
    for (const user of users)
      for (const node of this.#nodes) await this.#strangers(node, user, model.wallet(user), settledAt)
    for (const visitor of visitors)
      for (const user of users) assert.deepEqual(await visitor.look(user), model.wallet(user))
  }

  /**
   * Strangers look once each: what they had seen would make a level load what it keeps, and a forgotten invalidation
   * would not show. Older than `wallet` they are told only by a node that has not heard of the end yet, as one that led
   * until its session was cut: for a second at most, as is promised to them.
   */
  async #strangers(node: ModelNode, user: string, wallet: Wallet, settledAt: number): Promise<void> {
    for (;;) {
      const sinceMs = systemClock.monotonic() - settledAt
      // Ages are rounded.
      const behind = node.positionAges().some((age) => age > sinceMs - 1 && age <= BOUND_MS + 1)
      const seen = await new Visitor(() => [node.url]).look(user)
      if (!behind || seen.version === wallet.version) return assert.deepEqual(seen, wallet)
      await systemClock.sleep(10)
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#nodes.splice(0).map((node) => node.crash()))
    await Promise.all(this.#gone)
    await Promise.all(this.#sql.map((pool) => (pool.ended ? undefined : pool.end())))
  }

  /** @returns the payments that are applied */
  async #live(
    history: readonly Step[],
    users: readonly string[],
    visitors: readonly Visitor[],
  ): Promise<Payment[]> {
    const made: { payment: Payment; first: Promise<unknown> }[] = []
    /** By visitor: what they do now. One does one thing at a time. */
    const busy = visitors.map(() => Promise.resolve() as Promise<unknown>)
    const does = <R>(visitor: number, work: (visitor: Visitor) => Promise<R>): Promise<R> => {
      const done = (busy[visitor] as Promise<unknown>).then(() => work(visitors[visitor] as Visitor))
      done.catch(() => {})
      busy[visitor] = done
      return done
    }
    for (const step of history) {
      if (step.kind === 'pay') {
        const { from, to, amount, failures, between, abort, visitor } = step
        const payment: Payment = {
          id: `${users[0]}-${made.length}-payment`,
          from: users[from] as string,
          to: users[to] as string,
          amount,
          failures,
          failAt: between ? 'between' : 'before',
          abort,
        }
        made.push({ payment, first: does(visitor, (who) => who.pay(payment)) })
      } else if (step.kind === 'again') {
        const earlier = made[step.which % Math.max(1, made.length)]
        if (earlier)
          void does(step.visitor, async (who) =>
            assert.deepEqual(await who.pay(earlier.payment), await earlier.first),
          )
      } else if (step.kind === 'look') {
        void does(step.visitor, (who) => who.look(users[step.user] as string))
      } else if (step.kind === 'cut') {
        this.#nodes[step.node]?.cut(step.cluster, step.answer ? 'answer' : 'request', step.after)
      } else {
        const dead = this.#nodes[step.node] as ModelNode
        this.#gone.push(dead.crash())
        this.#nodes[step.node] = await this.#startNode()
      }
    }
    await Promise.all(busy)
    await Promise.all(made.map(({ first }) => first))
    return made.flatMap(({ payment }) => (payment.abort ? [] : [payment]))
  }

  /** No job is left, none is dead, none stands in the queue alone, and every effect is delivered. */
  async #settled(ms: number): Promise<void> {
    const until = systemClock.monotonic() + ms
    for (;;) {
      const { rows: jobs } = await this.#everywhere('select id, state, attempt, error from tenfold.jobs', [])
      const { rows: ready } = await this.#everywhere('select id from tenfold.ready', [])
      const { rows: effects } = await this.#everywhere('select marker from tenfold.effects', [])
      if (jobs.length + ready.length + effects.length === 0) return
      assert.ok(systemClock.monotonic() < until, `left behind: ${JSON.stringify([jobs, ready, effects])}`)
      await systemClock.sleep(10)
    }
  }

  async #startNode(): Promise<ModelNode> {
    const node = new ModelNode(this.#t, this.#clusters, this.#bug)
    await node.start()
    return node
  }

  async #openWallet(user: string): Promise<void> {
    // The fence admits a row only on the cluster that owns its bucket.
    const insert = `select tenfold.enter(b.bucket, 0, b.epoch) from tenfold.buckets b
      where b.bucket = hashint8extended($1::bigint, 0) & 4095 and b.owned`
    for (const pool of this.#sql) {
      const client = await pool.connect()
      await client.query('begin')
      const { rowCount } = await client.query(insert, [user])
      if (rowCount) await client.query('insert into wallets (owner_id) values ($1)', [user])
      await client.query('commit')
      client.release()
    }
  }

  async #everywhere(sql: string, params: readonly unknown[]): Promise<{ rows: Record<string, unknown>[] }> {
    const found = await Promise.all(this.#sql.map((pool) => pool.query(sql, [...params])))
    return { rows: found.flatMap(({ rows }) => rows) }
  }
}
