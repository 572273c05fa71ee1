/** Milliseconds that anything may take before a test calls it a hang. */
export const HANG_MS = 30_000

/** Bounds a wait: whoever hangs fails and says what was waited for. It never stands for an event. */
export async function within<Value>(promise: Promise<Value>, what: string, ms = HANG_MS): Promise<Value> {
  let timer: NodeJS.Timeout | undefined
  const hang = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: nothing within ${ms} ms`)), ms)
  })
  try {
    return await Promise.race([promise, hang])
  } finally {
    clearTimeout(timer)
  }
}

const PACE_MS = 5

/**
 * Asks until the answer is not undefined. For what another process does without telling anyone; asked every few
 * milliseconds, or less often where an answer costs more, so that the asking does not slow it down.
 */
export async function until<Value>(
  what: string,
  ask: () => Promise<Value | undefined> | Value | undefined,
  ms = HANG_MS,
  paceMs = PACE_MS,
): Promise<Value> {
  const end = performance.now() + ms
  for (;;) {
    const value = await ask()
    if (value !== undefined) return value
    if (performance.now() > end) throw new Error(`${what}: not within ${ms} ms`)
    await new Promise((resolve) => setTimeout(resolve, paceMs))
  }
}
