/** Counts what is done, for whoever waits for more of it: work that goes on while something breaks. */
export class Progress {
  #done = 0
  readonly #waiting = new Set<{ readonly at: number; readonly resolve: () => void }>()

  get done(): number {
    return this.#done
  }

  add(more = 1): void {
    this.#done += more
    for (const waiter of this.#waiting)
      if (waiter.at <= this.#done && this.#waiting.delete(waiter)) waiter.resolve()
  }

  /** Resolves when so much more has been done, or nothing comes any more. */
  further(more: number): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.add({ at: this.#done + more, resolve })
    })
  }

  /** Nothing comes any more. */
  end(): void {
    for (const { resolve } of this.#waiting) resolve()
    this.#waiting.clear()
  }
}
