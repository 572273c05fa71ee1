import type { Clock } from '../../core/clock.ts'
import type { Postmaster } from './launch.ts'
import { findRunning, removeStalePostmasterFile } from './postmaster-file.ts'
import { isAlive, signal as kill } from './process.ts'
import { STOP_MS_MAX, type StopMode } from './types.ts'

/** After this long an immediate stop becomes SIGKILL. */
const IMMEDIATE_MS_MAX = 5_000

/** Whether `promise` resolves in time. Keeps the process alive meanwhile. */
export async function within(promise: Promise<unknown>, ms: number, clock: Clock): Promise<boolean> {
  const done = new AbortController()
  const timeout = clock.sleep(ms, { signal: done.signal }).then(
    () => false,
    () => false,
  )
  try {
    return await Promise.race([promise.then(() => true), timeout])
  } finally {
    done.abort()
  }
}

/** Ends a postmaster and everything that belongs to it, however hard it must be. */
export async function endPostmaster(
  postmaster: Postmaster,
  mode: StopMode | 'kill',
  dataDir: string,
  clock: Clock,
): Promise<void> {
  const { identity, gone } = postmaster
  const steps = [
    ...(mode === 'fast' ? ([['SIGINT', STOP_MS_MAX]] as const) : []),
    ...(mode === 'kill' ? [] : ([['SIGQUIT', IMMEDIATE_MS_MAX]] as const)),
    ['SIGKILL', IMMEDIATE_MS_MAX] as const,
  ]
  for (const [name, ms] of steps) {
    kill(identity, name)
    if (await within(gone, ms, clock)) break
  }
  await clearLeftovers(dataDir, clock)
}

/**
 * Ends backends that outlived their postmaster, so that the next start need not wait for the shared memory that
 * they hold. One that is busy in a query would notice the loss only at its end. It cannot commit without harm: what
 * it writes to the log before it dies is a transaction like any other at a crash.
 */
export async function clearLeftovers(dataDir: string, clock: Clock): Promise<void> {
  for (let round = 0; ; round++) {
    const { postmaster, others } = findRunning(dataDir)
    if (postmaster !== undefined) return
    if (others.length === 0) break
    for (const identity of others) kill(identity, 'SIGKILL')
    // A process in an uninterruptible write ends when the disk answers; PostgreSQL itself refuses to start before.
    if (round > 500 || !others.some(isAlive)) break
    await clock.sleep(2)
  }
  if (findRunning(dataDir).others.length === 0) removeStalePostmasterFile(dataDir)
}
