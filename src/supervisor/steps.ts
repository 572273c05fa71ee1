import type { Clock } from '../core/clock.ts'

/** How long the steps of a start took, for `--debug` and the log. Steps may overlap. */
export interface Steps {
  run<R>(name: string, step: () => Promise<R>): Promise<R>
  /** E.g. `app 80 ms (at 12), postgres 410 ms (at 12)`. */
  summary(): string
}

export function createSteps(clock: Clock): Steps {
  const began = clock.monotonic()
  const done: { name: string; atMs: number; tookMs: number }[] = []
  return {
    run: async (name, step) => {
      const at = clock.monotonic()
      try {
        return await step()
      } finally {
        done.push({ name, atMs: Math.round(at - began), tookMs: Math.round(clock.monotonic() - at) })
      }
    },
    summary: () => done.map(({ name, atMs, tookMs }) => `${name} ${tookMs} ms (at ${atMs})`).join(', '),
  }
}
