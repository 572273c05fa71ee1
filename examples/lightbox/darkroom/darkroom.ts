import type { Edits } from '../schemas/photo.ts'
import { Child } from './child.ts'
import type { Order, Reply, Variant } from './protocol.ts'
import { DEADLINE_MS, IDLE_MS } from './settings.ts'

export interface DarkroomOptions {
  /** @defaultValue {@link DEADLINE_MS} */
  readonly deadlineMs?: number
  /** @defaultValue {@link IDLE_MS} */
  readonly idleMs?: number
  /** What runs in the image process. */
  readonly module?: URL
}

/** What to do with the parts of a photo while the rest is still being made. */
export interface Takers {
  readonly variant: (variant: Variant, of: number) => Promise<void>
  readonly proof?: (variant: Variant) => Promise<void>
  /** Only when it was painted here. */
  readonly original?: (bytes: Uint8Array) => Promise<void>
  readonly signal?: AbortSignal
}

/**
 * Makes photos in a process of its own, which is started when it is needed and ends when there is nothing to do:
 * a crash in native code fails one attempt at one photo, and idle memory is given back. One photo at a time; all
 * cores work on it.
 */
export class Darkroom {
  readonly #options: Required<DarkroomOptions>
  #child: Child | undefined
  #last: Promise<unknown> = Promise.resolve()
  #idle: NodeJS.Timeout | undefined

  constructor({
    deadlineMs = DEADLINE_MS,
    idleMs = IDLE_MS,
    module = new URL('./process/main.ts', import.meta.url),
  }: DarkroomOptions = {}) {
    this.#options = { deadlineMs, idleMs, module }
  }

  /** The image process, while there is one. */
  get pid(): number | undefined {
    return this.#child?.over ? undefined : this.#child?.pid
  }

  /** Makes all variants of the image in a file. @throws ImageRefused, DarkroomFailed, the signal's reason */
  develop(path: string, edits: Edits, takers: Takers): Promise<void> {
    return this.#carryOut({ kind: 'develop', path, edits }, takers)
  }

  /** Paints a picture, always the same for the same seed, and makes all its variants. */
  paint(scene: string, seed: number, takers: Takers): Promise<void> {
    return this.#carryOut({ kind: 'paint', scene, seed }, takers)
  }

  /** Resolves when the work asked for so far is done and the process, if one is left, has ended for want of more. */
  async idle(): Promise<void> {
    await this.#last
    await this.#child?.ended
  }

  /** Ends the process; work under way fails. */
  async stop(): Promise<void> {
    clearTimeout(this.#idle)
    await this.#child?.kill()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  async #carryOut(order: Order, takers: Takers): Promise<void> {
    const taken: Promise<void>[] = []
    const onReply = (reply: Reply): void => {
      const take = takenBy(takers, reply)
      take.catch(() => {}) // it is awaited below
      taken.push(take)
    }
    await this.#inTurn(takers.signal, () => this.#run(order, takers.signal, onReply))
    // The next photo is begun while these are stored.
    await Promise.all(taken)
  }

  async #run(order: Order, signal: AbortSignal | undefined, onReply: (reply: Reply) => void): Promise<void> {
    clearTimeout(this.#idle)
    if (!this.#child || this.#child.over) this.#child = new Child(this.#options.module)
    const child = this.#child
    try {
      await child.run(order, { deadlineMs: this.#options.deadlineMs, signal, onReply })
    } finally {
      this.#idle = setTimeout(() => void child.kill(), this.#options.idleMs).unref()
    }
  }

  /** One after the other. Who gives up while waiting leaves the line at once. */
  async #inTurn(signal: AbortSignal | undefined, work: () => Promise<void>): Promise<void> {
    signal?.throwIfAborted()
    const { promise: left, reject } = Promise.withResolvers<never>()
    const leave = (): void => reject(signal?.reason)
    signal?.addEventListener('abort', leave, { once: true })
    const turn = this.#last.then(() => {
      signal?.removeEventListener('abort', leave)
      signal?.throwIfAborted()
      return work()
    })
    this.#last = turn.catch(() => {})
    try {
      await Promise.race([turn, left])
    } finally {
      signal?.removeEventListener('abort', leave)
    }
  }
}

async function takenBy(takers: Takers, reply: Reply): Promise<void> {
  if (reply.kind === 'variant') await takers.variant(reply.variant, reply.of)
  if (reply.kind === 'proof') await takers.proof?.(reply.variant)
  if (reply.kind === 'original') await takers.original?.(reply.bytes)
}
