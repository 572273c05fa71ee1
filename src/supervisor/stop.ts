import { type Clock, systemClock } from '../core/clock.ts'
import { isAlive, type ProcessIdentity, signal } from '../data/postgres/process.ts'
import { askStop } from './control-client.ts'
import { AlreadyRunning, NotRunning, StopTimeout } from './errors.ts'
import { endLeftRunning } from './left-running.ts'
import { readOwner } from './owner-notes.ts'

const STOP_MS_MAX = 20_000
const POLL_MS = 20

/**
 * Stops the system of a state folder and waits until its processes are gone. Goes through the control socket; a
 * guard that just waits to start its server again has none, and gets a signal.
 *
 * @throws NotRunning, StopTimeout
 */
export async function stopSystem(folder: string, clock: Clock = systemClock): Promise<{ pids: number[] }> {
  const { server, guard } = readOwner(folder)
  const processes = [server, guard].filter((process) => process !== undefined)
  let absent: NotRunning | undefined
  try {
    await askStop(folder)
  } catch (error) {
    if (!(error instanceof NotRunning)) throw error
    absent = error
    for (const process of processes) signal(process, 'SIGTERM')
  }
  await gone(processes, clock)
  // The server may have died before it had stopped the others, or long ago.
  const pids = [...processes.map(({ pid }) => pid), ...(await endLeft(folder, clock))]
  if (absent !== undefined && pids.length === 0) throw absent
  return { pids }
}

async function endLeft(folder: string, clock: Clock): Promise<number[]> {
  try {
    return await endLeftRunning(folder, clock)
  } catch (error) {
    // Somebody has started it again meanwhile, and goes on with what there is.
    if (error instanceof AlreadyRunning) return []
    throw error
  }
}

async function gone(processes: readonly ProcessIdentity[], clock: Clock): Promise<void> {
  const deadline = clock.monotonic() + STOP_MS_MAX
  for (;;) {
    const left = processes.filter(isAlive)
    if (left.length === 0) return
    if (clock.monotonic() > deadline)
      throw new StopTimeout(
        `Process ${left.map(({ pid }) => pid).join(', ')} still runs ${STOP_MS_MAX / 1000} s after it was asked to stop.`,
        'See `tenfold logs`; end it with `kill -9`: nothing acknowledged is lost, and the next start recovers.',
      )
    await clock.sleep(POLL_MS)
  }
}
