import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { replaceFile } from '../data/postgres/files.ts'
import { identify, isAlive, type ProcessIdentity } from '../data/postgres/process.ts'

/** The running system's processes, as they noted themselves in the state folder. */
export interface Owner {
  /** The server process; its lock is what counts. */
  readonly server: ProcessIdentity | undefined
  readonly guard: ProcessIdentity | undefined
  /** Where the application answers, once it is ready. */
  readonly url: string | undefined
}

type Role = 'server' | 'guard'

const fileOf = (folder: string, role: Role): string => join(folder, `${role}.json`)

/** Notes this process; `tenfold stop` finds it so also while the control socket is away. */
export function noteOwner(folder: string, role: Role, url?: string): { release(): void } {
  replaceFile(fileOf(folder, role), `${JSON.stringify({ ...identify(process.pid), url })}\n`)
  return { release: () => rmSync(fileOf(folder, role), { force: true }) }
}

/** Who owns the folder now; processes that are gone, or whose id another process has by now, do not count. */
export function readOwner(folder: string): Owner {
  const server = readNote(folder, 'server')
  return { server, guard: readNote(folder, 'guard'), url: server?.url }
}

function readNote(folder: string, role: Role): (ProcessIdentity & { url?: string }) | undefined {
  try {
    const note = JSON.parse(readFileSync(fileOf(folder, role), 'utf8')) as ProcessIdentity & { url?: string }
    return isAlive(note) ? note : undefined
  } catch {
    // Absent, or half a file of a crash: then nobody is known, and the lock decides.
    return undefined
  }
}
