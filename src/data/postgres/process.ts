import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, realpathSync, statSync } from 'node:fs'

/** A process that cannot be confused with a later one of the same id. */
export interface ProcessIdentity {
  readonly pid: number
  /** Opaque: when it started, as the operating system tells it. */
  readonly started: string
}

const LINUX = process.platform === 'linux'

/** When process `pid` started; undefined when it is gone. A zombie counts as gone: it holds nothing any more. */
function startOf(pid: number): string | undefined {
  try {
    if (LINUX) {
      const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
      // The second field is the name in parentheses, and may itself contain spaces and parentheses.
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19]
    }
    const [status = '', ...started] = execFileSync('ps', ['-o', 'stat=,lstart=', '-p', String(pid)], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
      env: { ...process.env, LC_ALL: 'C' },
    })
      .trim()
      .split(/\s+/)
    return status === '' || status.startsWith('Z') ? undefined : started.join(' ')
  } catch {
    return undefined
  }
}

/** The process that has this id now; undefined when there is none. */
export function identify(pid: number): ProcessIdentity | undefined {
  const started = startOf(pid)
  return started === undefined ? undefined : { pid, started }
}

/** Whether the process of this id, if there is one, is a PostgreSQL server's. One that ends holds nothing any more. */
export function isPostgres(pid: number): boolean {
  if (identify(pid) === undefined || hasLeft(pid)) return false
  try {
    const name = LINUX
      ? readFileSync(`/proc/${pid}/comm`, 'latin1')
      : execFileSync('ps', ['-o', 'comm=', '-p', String(pid)], { encoding: 'utf8' })
    return /(^|\/)postgres/.test(name)
  } catch {
    return false
  }
}

/** It is ending: it has no working folder any more. Not known on macOS. */
function hasLeft(pid: number): boolean {
  if (!LINUX) return false
  try {
    statSync(`/proc/${pid}/cwd`)
    return false
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT'
  }
}

/** Whether that very process still runs. */
export function isAlive(identity: ProcessIdentity): boolean {
  return startOf(identity.pid) === identity.started
}

/** Signals that very process; false when it is gone. */
export function signal(identity: ProcessIdentity, name: NodeJS.Signals): boolean {
  if (!isAlive(identity)) return false
  try {
    process.kill(identity.pid, name)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false
    throw error
  }
}

/**
 * PostgreSQL's processes whose working folder is `dir`. Every process of a server stays in its data folder, so this
 * finds backends that outlived a killed postmaster, and tells a server from a stranger with its old id.
 */
export function processesIn(dir: string): ProcessIdentity[] {
  const pids = LINUX ? pidsFromProc(dir) : pidsFromLsof(dir)
  return pids.flatMap((pid) => (pid === process.pid ? [] : (identify(pid) ?? [])))
}

function pidsFromProc(dir: string): number[] {
  const wanted = statSync(dir, { throwIfNoEntry: false })
  if (wanted === undefined) return []
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return []
    try {
      const { dev, ino } = statSync(`/proc/${name}/cwd`)
      if (dev !== wanted.dev || ino !== wanted.ino) return []
      // A person's shell or editor may stand in the folder too; it must not be taken for PostgreSQL.
      return /^(postgres|initdb)/.test(readFileSync(`/proc/${name}/comm`, 'latin1')) ? [Number(name)] : []
    } catch {
      return [] // gone, or someone else's
    }
  })
}

/** Lines `p<pid>` and `n<path>`; exit code 1 means that nothing was found. */
function pidsFromLsof(dir: string): number[] {
  let output: string
  try {
    output = execFileSync('lsof', ['-w', '-a', '-d', 'cwd', '-c', 'postgres', '-c', 'initdb', '-Fpn'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    })
  } catch (error) {
    output = (error as { stdout?: string }).stdout ?? ''
  }
  const wanted = realpath(dir)
  let pid = 0
  return output.split('\n').flatMap((line) => {
    if (line.startsWith('p')) pid = Number(line.slice(1))
    return line.startsWith('n') && line.slice(1) === wanted ? [pid] : []
  })
}

const realpath = (dir: string): string => {
  try {
    return realpathSync(dir)
  } catch {
    return dir
  }
}
