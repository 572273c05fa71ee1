import { readdirSync, readFileSync } from 'node:fs'
import { tree } from './proc.ts'

/** Microseconds of one clock tick of /proc: USER_HZ is 100 on every Linux that Node.js runs on. */
const TICK_US = 10_000

/** CPU that each thread of each process has used until a moment, in microseconds. */
export type CpuMark = ReadonlyMap<string, number>

/** Where a process and its descendants stand now: to the nanosecond, where clock ticks would be too coarse. */
export function markCpu(root: number): CpuMark {
  const mark = new Map<string, number>()
  for (const pid of tree(root)) {
    for (const thread of threadsOf(pid)) {
      const us = threadUs(pid, thread)
      if (us !== undefined) mark.set(`${pid}/${thread}`, us)
    }
  }
  return mark
}

/** Microseconds used since `before`. Threads that ended in between are not counted; pools keep theirs. */
export function cpuSince(before: CpuMark, root: number): number {
  let sum = 0
  for (const [thread, us] of markCpu(root)) sum += us - (before.get(thread) ?? 0)
  return sum
}

function threadsOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`)
  } catch {
    return [] // it has ended
  }
}

function threadUs(pid: number, thread: string): number | undefined {
  try {
    const [ns] = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')
    return Number(ns) / 1000
  } catch {
    return undefined
  }
}

/** CPU of children of this process that have ended, in microseconds. */
export function endedChildrenCpuUs(): number {
  const text = readFileSync('/proc/self/stat', 'utf8')
  const fields = text
    .slice(text.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number)
  return ((fields[13] as number) + (fields[14] as number)) * TICK_US
}

/** CPU that the whole machine has used until now, in microseconds; idle and waiting for disks do not count. */
export function machineCpuUs(): number {
  const line = readFileSync('/proc/stat', 'utf8').split('\n', 1)[0] as string
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = line
    .trim()
    .split(/\s+/)
    .slice(1)
    .map(Number)
  return (user + nice + system + irq + softirq + steal) * TICK_US
}
