import type { Lightbox } from './placing.ts'

/** Of one handle; whether somebody has it does not matter. */
const FAILED = { max: 10, windowSeconds: 60 }

const REFUSED = new Error('The limit is reached')

type Attempts = Set<Promise<unknown>>
const underWay = new WeakMap<Lightbox, Map<string, Attempts>>()

/**
 * Runs `attempt`, which rejects for a wrong password. Every attempt is counted before the password is looked at,
 * so that wrong ones side by side cannot outrun the limit; a right one forgets what was counted. So that
 * right ones side by side are not taken for wrong ones, who finds the limit reached waits for the attempts of this
 * process that are under way: one that succeeds makes room. @throws RateLimited
 */
export async function limitLogIns<R>(
  system: Lightbox,
  handle: string,
  attempt: () => Promise<R>,
): Promise<R> {
  const key = `log-in:${handle}`
  const counted = async (): Promise<R> => {
    const result = await attempt()
    await system.limits.reset(key)
    return result
  }
  for (;;) {
    const others = attemptsFor(system, handle)
    const own = system.limits.take(key, FAILED).then(({ allowed }) => {
      if (!allowed) throw REFUSED
      return counted()
    })
    others.add(own)
    try {
      return await own
    } catch (error) {
      if (error !== REFUSED) throw error
    } finally {
      others.delete(own)
      if (others.size === 0) underWay.get(system)?.delete(handle)
    }
    if (others.size === 0) {
      await system.limits.enforce(key, FAILED)
      return counted()
    }
    await Promise.any(others).catch(() => {}) // one was right, or all were wrong: ask again
  }
}

function attemptsFor(system: Lightbox, handle: string): Attempts {
  const all = underWay.get(system) ?? new Map<string, Attempts>()
  underWay.set(system, all)
  const own = all.get(handle) ?? new Set()
  all.set(handle, own)
  return own
}
