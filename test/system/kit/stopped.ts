import { readPostmasterFile } from '../../../src/data/postgres/postmaster-file.ts'
import { type ProcessIdentity, processesIn, signal } from '../../../src/data/postgres/process.ts'

/** Stops every process of a data folder, also those that are forked meanwhile; returns them. */
export function stopAll(dataDir: string): ProcessIdentity[] {
  const stopped = new Map<string, ProcessIdentity>()
  for (;;) {
    const left = processesIn(dataDir).filter(({ pid, started }) => !stopped.has(`${pid} ${started}`))
    if (left.length === 0) return [...stopped.values()]
    for (const identity of left) {
      signal(identity, 'SIGSTOP')
      stopped.set(`${identity.pid} ${identity.started}`, identity)
    }
  }
}

/** Whether a postmaster runs that takes connections; it says so before it recovers, which lasts longer than a look. */
export function takesConnections(dataDir: string): boolean {
  const file = readPostmasterFile(dataDir)
  if (file === undefined || file.status === 'unknown') return false
  return processesIn(dataDir).some(({ pid }) => pid === file.pid)
}
