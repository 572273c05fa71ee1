import type { Order, Reply } from './protocol.ts'

/** Photos in the image process at once: one whose last variants are encoded, and one that is begun. */
const AT_ONCE = 2

/** An order in line or under way. */
export interface Task {
  readonly order: Order
  readonly signal: AbortSignal | undefined
  readonly onReply: (reply: Reply) => void
  readonly done: PromiseWithResolvers<void>
  /** Nothing else may be in the process meanwhile. */
  alone: boolean
  /** Something else is, or was, in the process with it. */
  company: boolean
  /** All that is left is to encode its variants. */
  exposed: boolean
}

/**
 * Who may work in the image process, in the order in which they came. What ends the process while two photos are in it says
 * nothing about either: each is begun again, alone.
 */
export class Line {
  readonly #begin: (task: Task) => void
  readonly #waiting: Task[] = []
  readonly #working = new Set<Task>()

  constructor(begin: (task: Task) => void) {
    this.#begin = begin
  }

  get working(): number {
    return this.#working.size
  }

  /** Resolves when the order has been carried out. Who gives up while waiting leaves the line at once. */
  async done(order: Order, signal: AbortSignal | undefined, onReply: (reply: Reply) => void): Promise<void> {
    const done = Promise.withResolvers<void>()
    const task = { order, signal, onReply, done, alone: false, company: false, exposed: false }
    const leave = (): void => {
      const at = this.#waiting.indexOf(task)
      if (at >= 0) this.#waiting.splice(at, 1)
      if (at >= 0) done.reject(signal?.reason)
    }
    signal?.addEventListener('abort', leave, { once: true })
    this.#waiting.push(task)
    this.#admit()
    try {
      await done.promise
    } finally {
      signal?.removeEventListener('abort', leave)
    }
  }

  exposed(task: Task): void {
    task.exposed = true
    this.#admit()
  }

  end(task: Task, ...failure: [error?: unknown]): void {
    if (failure.length > 0) task.done.reject(failure[0])
    else task.done.resolve()
    this.#working.delete(task)
    this.#admit()
  }

  /** The process was lost under the task. */
  again(task: Task): void {
    this.#working.delete(task)
    task.alone = true
    task.company = task.exposed = false
    if (task.signal?.aborted) task.done.reject(task.signal.reason)
    else this.#waiting.unshift(task)
    this.#admit()
  }

  clear(reason: Error): void {
    for (const { done } of this.#waiting.splice(0)) done.reject(reason)
  }

  /** Resolves when nobody of those who are here now is left. */
  async settled(): Promise<void> {
    await Promise.allSettled([...this.#working, ...this.#waiting].map(({ done }) => done.promise))
  }

  #admit(): void {
    for (let next = this.#waiting[0]; next && this.#hasRoomFor(next); next = this.#waiting[0]) {
      this.#waiting.shift()
      for (const other of this.#working) other.company = next.company = true
      this.#working.add(next)
      this.#begin(next)
    }
  }

  #hasRoomFor(task: Task): boolean {
    if (this.#working.size === 0) return true
    if (task.alone || this.#working.size >= AT_ONCE) return false
    return [...this.#working].every((other) => other.exposed && !other.alone)
  }
}
