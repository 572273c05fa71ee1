import { setTimeout as sleep } from 'node:timers/promises'
import { type Contender, OutcomeUnknown } from './contender.ts'

/** Sessions wait for their answer before they ask again, as people do: an outage does not pile up requests. */
const WRITERS = { sessions: 40, perSecond: 5 }
const READERS = { sessions: 100, perSecond: 15 }
/** Reads ask for one of the last events that were acknowledged. */
const RECENT = 1_000

/** What the clients of one round have met. */
export interface Met {
  readonly writes: number
  readonly reads: number
  readonly failedWrites: number
  readonly failedReads: number
  /** Failed writes of which nobody can tell whether they were applied. */
  readonly unknownWrites: number
  /** Reads that did not find what had been acknowledged before. */
  readonly missed: number
  /** Milliseconds that the slowest answered request took. */
  readonly longestMs: number
  /** Milliseconds in which no write, and no read, was answered, at most. */
  readonly noWriteMs: number
  readonly noReadMs: number
  /** Why requests failed. */
  readonly reasons: Readonly<Record<string, number>>
}

class Gap {
  #last = performance.now()
  longestMs = 0

  answered(): void {
    const now = performance.now()
    this.longestMs = Math.max(this.longestMs, now - this.#last)
    this.#last = now
  }

  /** What was until now does not count. */
  reset(): void {
    this.longestMs = 0
  }
}

/** 200 writes and 1,500 reads a second, until it is stopped. */
export class Load {
  readonly acknowledged: string[] = []
  readonly #contender: Contender
  readonly #prefix: string
  readonly #sessions: Promise<void>[] = []
  readonly #gaps = { write: new Gap(), read: new Gap() }
  readonly #counts = { writes: 0, reads: 0, failedWrites: 0, failedReads: 0, unknownWrites: 0, missed: 0 }
  readonly #reasons: Record<string, number> = {}
  #longestMs = 0
  #over = false
  #next = 0

  constructor(contender: Contender, prefix: string) {
    this.#contender = contender
    this.#prefix = prefix
    for (const [{ sessions, perSecond }, ask] of [
      [WRITERS, () => this.#write()],
      [READERS, () => this.#read()],
    ] as const) {
      const everyMs = 1_000 / perSecond
      for (let at = 0; at < sessions; at++)
        this.#sessions.push(this.#session(everyMs, (at / sessions) * everyMs, ask))
    }
  }

  /** From now on stalls count: what is slow because everything has just begun is behind us. */
  count(): void {
    this.#longestMs = 0
    this.#gaps.write.reset()
    this.#gaps.read.reset()
  }

  /** Sessions begin nothing more; resolves when each has its last answer. */
  async stop(): Promise<Met> {
    this.#over = true
    await Promise.all(this.#sessions)
    return {
      ...this.#counts,
      longestMs: this.#longestMs,
      noWriteMs: this.#gaps.write.longestMs,
      noReadMs: this.#gaps.read.longestMs,
      reasons: this.#reasons,
    }
  }

  async #session(everyMs: number, delayMs: number, ask: () => Promise<void>): Promise<void> {
    await sleep(delayMs)
    for (let due = performance.now(); !this.#over; ) {
      await ask()
      // What fell into a wait for an answer is left out. All keep their turns, or they would come as one after an outage.
      due += everyMs * Math.max(1, Math.ceil((performance.now() - due) / everyMs))
      await sleep(Math.max(0, due - performance.now()))
    }
  }

  async #write(): Promise<void> {
    const id = `${this.#prefix}${this.#next++}`
    this.#counts.writes++
    const done = await this.#timed('write', () => this.#contender.write(id))
    if (done) this.acknowledged.push(id)
    else this.#counts.failedWrites++
  }

  async #read(): Promise<void> {
    const { acknowledged } = this
    const id =
      acknowledged[
        acknowledged.length - 1 - Math.floor(Math.random() * Math.min(RECENT, acknowledged.length))
      ]
    if (id === undefined) return
    this.#counts.reads++
    const found = await this.#timed('read', () => this.#contender.read(id))
    if (found === undefined) this.#counts.failedReads++
    else if (!found.value) this.#counts.missed++
  }

  async #timed<Value>(
    kind: 'write' | 'read',
    ask: () => Promise<Value>,
  ): Promise<{ value: Value } | undefined> {
    const startedAt = performance.now()
    try {
      const value = await ask()
      this.#gaps[kind].answered()
      this.#longestMs = Math.max(this.#longestMs, performance.now() - startedAt)
      return { value }
    } catch (error) {
      if (error instanceof OutcomeUnknown) this.#counts.unknownWrites++
      const reason = `${kind}: ${(error as Error).message || (error as { code?: string }).code}`
      this.#reasons[reason] = (this.#reasons[reason] ?? 0) + 1
      return undefined
    }
  }
}
