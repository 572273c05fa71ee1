import type { Clock } from '../../core/clock.ts'
import type { DatabaseAddress } from '../postgres/address.ts'
import { connect, destroy } from '../postgres/database.ts'

/** Milliseconds between two probes. */
const EVERY_MS = 500
/** Milliseconds between two attempts while no connection is taken. */
const FULL_PAUSE_MS = 20
/** Milliseconds that a primary may take to accept a connection and write. */
export const ANSWER_MS_MAX = 2_000

/**
 * Whether a primary still works: by a *fresh* connection, as a stopped postmaster leaves old ones alive, and by a write
 * that need not wait for a standby, as without one only the acknowledgement of commits stops, not the server.
 *
 * @returns false when it answers nothing in time; an error is an answer
 */
export async function answers(address: DatabaseAddress, clock: Clock, ms = ANSWER_MS_MAX): Promise<boolean> {
  const until = clock.monotonic() + ms
  for (;;) {
    const answer = await answersOnce(address, Math.max(1, until - clock.monotonic()))
    if (answer !== 'full') return answer
    if (clock.monotonic() >= until) return false
    await clock.sleep(FULL_PAUSE_MS)
  }
}

/** `full`: nobody has taken the connections that wait already, as when the postmaster is stopped. */
async function answersOnce(address: DatabaseAddress, ms: number): Promise<boolean | 'full'> {
  let client: Awaited<ReturnType<typeof connect>> | undefined
  try {
    client = await connect(address, ms)
    await client.query({
      text: "set synchronous_commit = local; select pg_logical_emit_message(true, 'tenfold', '')",
      query_timeout: ms,
    } as never)
    return true
  } catch (error) {
    if ((error as { code?: string }).code === 'EAGAIN') return 'full'
    // Of the client's own making: nothing came in time.
    return !/timeout/i.test((error as Error).message)
  } finally {
    if (client !== undefined) destroy(client)
  }
}

/** Probes whatever `address` names until the signal, and tells whether it has answered. */
export async function probe(
  address: () => DatabaseAddress | undefined,
  told: (answered: boolean) => void,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<void> {
  while (!signal.aborted) {
    const at = address()
    const answered = at === undefined || (await answers(at, clock))
    if (at !== undefined && at === address()) told(answered)
    await clock.sleep(EVERY_MS, { signal }).catch(() => {})
  }
}
