/**
 * So many pieces of heavy work at once, and no more: what is left to libuv waits there in the order in which it came. What
 * opens a photo goes before what finishes another, so that there is always something left to finish.
 */
export class Threads {
  #free: number
  readonly #opening: (() => void)[] = []
  readonly #finishing: (() => void)[] = []

  constructor(count: number) {
    this.#free = count
  }

  open<R>(work: () => Promise<R>): Promise<R> {
    return this.#run(this.#opening, work)
  }

  finish<R>(work: () => Promise<R>): Promise<R> {
    return this.#run(this.#finishing, work)
  }

  async #run<R>(line: (() => void)[], work: () => Promise<R>): Promise<R> {
    if (this.#free > 0) this.#free--
    else await new Promise<void>((begin) => line.push(begin))
    try {
      return await work()
    } finally {
      const next = this.#opening.shift() ?? this.#finishing.shift()
      if (next) next()
      else this.#free++
    }
  }
}
