import type { Edits } from '../schemas/photo.ts'
import { Child } from './child.ts'
import { Line, type Task } from './line.ts'
import type { Order, Reply, Variant } from './protocol.ts'
import { DarkroomFailed, ProcessLost } from './refusal.ts'
import { DEADLINE_MS, IDLE_MS } from './settings.ts'

export interface DarkroomOptions {
  /** @defaultValue {@link DEADLINE_MS} */
  readonly deadlineMs?: number
  /** @defaultValue {@link IDLE_MS} */
  readonly idleMs?: number
  /** What runs in the image process. */
  readonly module?: URL
}

/** What to do with the parts of a photo while the rest is still being made. A part may come again. */
export interface Takers {
  readonly variant: (variant: Variant, of: number) => Promise<void>
  readonly proof?: (variant: Variant) => Promise<void>
  /** Only when it was painted here. */
  readonly original?: (bytes: Uint8Array) => Promise<void>
  readonly signal?: AbortSignal
}

/**
 * Makes photos in a process of its own, which is started when it is needed and ends when there is nothing to do:
 * a crash in native code fails one attempt at one photo, and idle memory is given back. All cores work on one photo;
 * when there is not enough left of it for all of them, the next one is begun beside it.
 */
export class Darkroom {
  readonly #options: Required<DarkroomOptions>
  readonly #line = new Line((task) => void this.#work(task))
  #child: Child | undefined
  #idle: NodeJS.Timeout | undefined
  #stopped = false

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
    await this.#line.settled()
    await this.#child?.ended
  }

  /** Ends the process, for good; work under way or in line fails. */
  async stop(): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#idle)
    this.#line.clear(closed())
    await this.#child?.kill()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  async #carryOut(order: Order, takers: Takers): Promise<void> {
    const { signal } = takers
    signal?.throwIfAborted()
    if (this.#stopped) throw closed()
    const taken: Promise<void>[] = []
    const onReply = (reply: Reply): void => {
      const take = takenBy(takers, reply)
      take.catch(() => {}) // it is awaited below
      taken.push(take)
    }
    await this.#line.done(order, signal, onReply)
    // The next photo is begun while these are stored.
    await Promise.all(taken)
  }

  async #work(task: Task): Promise<void> {
    const { order, signal } = task
    clearTimeout(this.#idle)
    if (!this.#child || this.#child.over) this.#child = new Child(this.#options.module)
    const child = this.#child
    const onReply = (reply: Reply): void => {
      if (reply.kind === 'exposed') this.#line.exposed(task)
      else task.onReply(reply)
    }
    try {
      await child.run(order, { deadlineMs: this.#options.deadlineMs, signal, onReply })
      this.#line.end(task)
    } catch (error) {
      // Who was not alone may be innocent of it.
      if (error instanceof ProcessLost && task.company && !this.#stopped) this.#line.again(task)
      else this.#line.end(task, error)
    }
    if (this.#line.working === 0)
      this.#idle = setTimeout(() => void child.kill(), this.#options.idleMs).unref()
  }
}

const closed = (): DarkroomFailed => new DarkroomFailed('The darkroom was closed.')

async function takenBy(takers: Takers, reply: Reply): Promise<void> {
  if (reply.kind === 'variant') await takers.variant(reply.variant, reply.of)
  if (reply.kind === 'proof') await takers.proof?.(reply.variant)
  if (reply.kind === 'original') await takers.original?.(reply.bytes)
}
