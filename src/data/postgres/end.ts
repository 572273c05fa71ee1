import type { Clock } from '../../core/clock.ts'
import { PostgresLingers } from './errors.ts'
import { type Postmaster, watch } from './launch.ts'
import { findRunning, removeStalePostmasterFile } from './postmaster-file.ts'
import { signal as kill, type ProcessIdentity, processesIn } from './process.ts'
import { STOP_MS_MAX, type StopMode } from './types.ts'

/** After this long an immediate stop becomes SIGKILL. */
const IMMEDIATE_MS_MAX = 5_000
/** Whoever has not ended so long after SIGKILL is held by the kernel, as in a write to a disk that hangs. */
const KILL_MS_MAX = 5_000
/** The same of those that have outlived their postmaster: a failover waits for it, and has nothing to fear of whoever is killed. */
const HELD_MS_MAX = 1_000

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

/**
 * Sends SIGKILL to every process of a data folder, also to those that are forked meanwhile. Nobody who was sent it returns
 * to its own code, or forks, however long the kernel takes over its end: from now on nothing is acknowledged.
 */
export function killAll(dataDir: string): void {
  const killed = new Set<string>()
  for (;;) {
    const { postmaster, others } = findRunning(dataDir)
    // The postmaster first: it forks the others.
    const all = postmaster === undefined ? others : [postmaster, ...others]
    const left = all.filter((one) => !killed.has(nameOf(one)))
    if (left.length === 0) return
    for (const identity of left) {
      kill(identity, 'SIGKILL')
      killed.add(nameOf(identity))
    }
  }
}

const nameOf = ({ pid, started }: ProcessIdentity): string => `${pid} ${started}`

/**
 * Ends a postmaster and everything that belongs to it, however hard it must be. With `kill` nothing is done any more from the
 * call on. Whoever the kernel holds has SIGKILL pending and may be there yet: see `refuseBeside`.
 */
export async function endPostmaster(
  postmaster: Postmaster,
  mode: StopMode,
  dataDir: string,
  clock: Clock,
): Promise<void> {
  const { identity, gone } = postmaster
  const steps = [
    ...(mode === 'fast' ? ([['SIGINT', STOP_MS_MAX]] as const) : []),
    ...(mode === 'kill' ? [] : ([['SIGQUIT', IMMEDIATE_MS_MAX]] as const)),
  ]
  for (const [name, ms] of steps) {
    kill(identity, name)
    if (await within(gone, ms, clock)) return await clearLeftovers(dataDir, clock)
  }
  kill(identity, 'SIGKILL')
  // Not only when it is gone: one that the kernel holds would let its sessions go on.
  killAll(dataDir)
  await within(gone, KILL_MS_MAX, clock)
  await clearLeftovers(dataDir, clock)
}

/** Ends at once whatever runs on a data folder, a server or what has outlived it. */
export async function endWhatRuns(dataDir: string, clock: Clock): Promise<void> {
  const { postmaster } = findRunning(dataDir)
  if (postmaster !== undefined) await endPostmaster(watch(postmaster, clock), 'kill', dataDir, clock)
  else await clearLeftovers(dataDir, clock)
}

/**
 * Ends backends that outlived their postmaster, so that the next start need not wait for the shared memory that
 * they hold. One that is busy in a query would notice the loss only at its end. It cannot commit without harm: what
 * it writes to the log before it dies is a transaction like any other at a crash.
 */
export async function clearLeftovers(dataDir: string, clock: Clock, heldMsMax = HELD_MS_MAX): Promise<void> {
  const killed = new Set<string>()
  for (let since = clock.monotonic(); ; ) {
    const { postmaster, others } = findRunning(dataDir)
    if (postmaster !== undefined) return
    // Looked at anew until nobody is left: whoever was killed may have forked another a moment before.
    if (others.length === 0) return removeStalePostmasterFile(dataDir)
    for (const identity of others) {
      kill(identity, 'SIGKILL')
      if (!killed.has(nameOf(identity))) since = clock.monotonic()
      killed.add(nameOf(identity))
    }
    // A process in an uninterruptible write ends when the disk answers; nothing is started before.
    if (clock.monotonic() - since > heldMsMax) return
    await clock.sleep(2)
  }
}

/** No server is started where a process of an earlier one is left: it may be in the midst of a write. @throws PostgresLingers */
export function refuseBeside(dataDir: string): void {
  const left = processesIn(dataDir)
  if (left.length > 0)
    throw new PostgresLingers(
      dataDir,
      left.map(({ pid }) => pid),
    )
}
