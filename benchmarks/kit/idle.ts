import { setTimeout as sleep } from 'node:timers/promises'
import { cpuSince, markCpu } from './cpu.ts'

const LOOK_MS = 1000
/** Part of a processor that an idle system takes at most. */
const IDLE_MAX = 0.03
const WAIT_MS_MAX = 180_000

/** Waits until a process and its descendants have nothing left to do, e.g. jobs of the seeding. */
export async function untilIdle(pid: number): Promise<void> {
  for (let waited = 0; waited < WAIT_MS_MAX; waited += LOOK_MS) {
    const mark = markCpu(pid)
    await sleep(LOOK_MS)
    if (cpuSince(mark, pid) / 1000 < IDLE_MAX * LOOK_MS) return
  }
  throw new Error(`Process ${pid} was still busy after ${WAIT_MS_MAX / 1000} s`)
}
