import { type Clock, systemClock } from '../../core/clock.ts'
import type { Logger } from '../../core/log.ts'
import type { ClusterOptions, ConnectionOptions } from '../client/types.ts'
import { DataUnavailable } from '../errors.ts'
import { Watch } from './watch.ts'

/** Milliseconds to find a primary for work that has not begun. */
const FIND_MS_MAX = 10_000

/**
 * The primary of a cluster now, for work with sessions of its own, as migrations have. Where there is one server only, it is
 * that one, unasked.
 *
 * @throws DataUnavailable when none is found within 10 s
 */
export async function findPrimary(
  { name, connection, members = [] }: ClusterOptions,
  { log, signal, clock = systemClock }: { log: Logger; signal?: AbortSignal | undefined; clock?: Clock },
): Promise<ConnectionOptions> {
  if (members.length < 2) return members[0]?.connection ?? connection
  const found = Promise.withResolvers<string>()
  found.promise.catch(() => {}) // it may fail before anybody awaits it
  // All have to have had their word: of two that take writes the one on the higher timeline counts.
  let haveAnswered = false
  const watch = new Watch({
    cluster: name,
    clock,
    log,
    urgent: () => true,
    onRoles: ({ primary }) => {
      if (haveAnswered && primary !== undefined) found.resolve(primary)
    },
    onAnswer: () => {},
  })
  const timer = clock.timer(FIND_MS_MAX, () =>
    found.reject(new DataUnavailable(name, 'not applied', new Error(`No primary: ${watch.troubles}`))),
  )
  const abort = (): void => found.reject(signal?.reason)
  signal?.addEventListener('abort', abort, { once: true })
  try {
    signal?.throwIfAborted()
    watch.set(members)
    await watch.lookAgain()
    signal?.throwIfAborted()
    haveAnswered = true
    // Not whom it heard of before: that one may be gone by now.
    const id = watch.roles.primary ?? (await found.promise)
    return members.find((one) => one.id === id)!.connection
  } finally {
    timer.cancel()
    signal?.removeEventListener('abort', abort)
    watch.close()
  }
}
