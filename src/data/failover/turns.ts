/** Work that is done piece by piece, in the order in which it was asked for. */
export class Turns {
  #over: Promise<void> = Promise.resolve()

  /** Resolves when everything that was asked for until now is over. */
  get over(): Promise<void> {
    return this.#over
  }

  /** @param signal gives up what waits for its turn; what has begun comes to its own end */
  async take(work: () => Promise<void>, signal: AbortSignal): Promise<void> {
    const before = this.#over
    const { promise: done, resolve: end } = Promise.withResolvers<void>()
    // Whoever has left does not let anybody past the one before.
    this.#over = before.then(() => done)
    try {
      await orGivenUp(before, signal)
      await work()
    } finally {
      end()
    }
  }
}

function orGivenUp(turn: Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const giveUp = (): void => reject(signal.reason)
    signal.addEventListener('abort', giveUp, { once: true })
    void turn.then(() => {
      signal.removeEventListener('abort', giveUp)
      if (signal.aborted) giveUp()
      else resolve()
    })
    if (signal.aborted) giveUp()
  })
}
