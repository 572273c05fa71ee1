import { createHash } from 'node:crypto'
import { hostname } from 'node:os'
import type { RandomSource } from './random.ts'

/** Longer than any file is written: older ones are leftovers, whoever began them. Milliseconds. */
const WRITTEN_MS_MAX = 86_400_000
const NAME = /^([0-9a-f]{8})\.(\d{1,10})\.(\d{1,15})\.[0-9a-f]{24}\.tmp$/

const here = createHash('sha256').update(hostname()).digest('hex').slice(0, 8)
/** When this process began: tells it from an earlier one with its number, which in containers is the rule. */
const born = Math.floor(performance.timeOrigin)

/** A name for a file that is being written; it says which process does. */
export function temporaryName(random: RandomSource): string {
  return `${here}.${process.pid}.${born}.${random.bytes(12).toString('hex')}.tmp`
}

/**
 * Whether a file of such a name was left behind by a process that is gone. Files of other machines (or containers)
 * and of numbers that are in use again are judged by their age.
 *
 * @param ageMs since it was last written
 */
export function isLeftover(name: string, ageMs: number): boolean {
  const [match, host, pid, birth] = NAME.exec(name) ?? []
  if (match === undefined) return false
  if (ageMs > WRITTEN_MS_MAX) return true
  if (host !== here) return false
  if (Number(pid) === process.pid) return Number(birth) !== born
  return !isAlive(Number(pid))
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH'
  }
}
