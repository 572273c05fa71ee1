import { readdirSync, readFileSync } from 'node:fs'

/** Microseconds of one clock tick of /proc: USER_HZ is 100 on every Linux that Node.js runs on. */
const TICK_US = 10_000

interface Stat {
  readonly pid: number
  readonly parent: number
  /** Of all its threads, and of children that ended and were waited for. */
  readonly cpuUs: number
}

/** What /proc/PID/stat says; undefined when the process is gone. */
function stat(pid: number): Stat | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The name before the last parenthesis may hold anything.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ').map(Number)
    const [, parent = 0] = fields
    const ticks = fields.slice(11, 15).reduce((a, b) => a + b)
    return { pid, parent, cpuUs: ticks * TICK_US }
  } catch {
    return undefined
  }
}

const everyProcess = (): Stat[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => stat(Number(name)) ?? [])

/** A process and all its descendants, as ids. */
export function tree(root: number): number[] {
  const all = everyProcess()
  const found = [root]
  for (const pid of found) for (const one of all) if (one.parent === pid) found.push(one.pid)
  return found
}

/** CPU that a process and its descendants have used until now, in microseconds. */
export function treeCpuUs(root: number): number {
  return tree(root).reduce((sum, pid) => sum + (stat(pid)?.cpuUs ?? 0), 0)
}

/** CPU of children of this process that have ended, in microseconds. */
export function endedChildrenCpuUs(): number {
  const text = readFileSync('/proc/self/stat', 'utf8')
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ').map(Number)
  return ((fields[13] as number) + (fields[14] as number)) * TICK_US
}

/** CPU that the whole machine has used until now, in microseconds; idle and waiting for disks do not count. */
export function machineCpuUs(): number {
  const line = readFileSync('/proc/stat', 'utf8').split('\n', 1)[0] as string
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = line.trim().split(/\s+/).slice(1).map(Number)
  return (user + nice + system + irq + softirq + steal) * TICK_US
}

/** Proportional set size in KiB: private memory, and of what is shared this process's part. */
export function pssKib(pid: number): number {
  const match = /^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))
  if (!match) throw new Error(`/proc/${pid}/smaps_rollup has no Pss`)
  return Number(match[1])
}

/** The words of a process's command line. */
export function commandOf(pid: number): string {
  return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim()
}
