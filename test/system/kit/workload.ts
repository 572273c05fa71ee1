import { systemClock } from '../../../src/core/clock.ts'
import { KitClient } from './client.ts'
import { type Call, Recorder } from './history.ts'
import type { Memory } from './memory.ts'
import { ACCOUNTS } from './operations.ts'
import { Progress } from './progress.ts'
import { type Dice, LONG } from './seed.ts'

/** Few objects, so that sessions meet. */
const REGISTERS = ['11', '12', '13']
const LISTS = ['21', '22', '23']
const COUNTERS = ['31', '32', '33', '34']

/** Milliseconds at most between an answer and the next operation of a tab: who waits for a repair leaves it the processors. */
const THINK_MS_MAX = LONG ? 50 : 150

export interface WorkloadOptions {
  readonly url: string
  readonly dice: Dice
  readonly sessions: number
  /** Milliseconds for which sessions begin new operations. */
  readonly durationMs: number
  /** Ends it early. */
  readonly signal?: AbortSignal
  readonly repeats?: number
  /** What each session keeps between requests. @defaultValue nothing */
  readonly memory?: (session: number) => Memory
  /** Requests of a session that are under way at once. @defaultValue 1 */
  readonly tabs?: number
  /** Milliseconds after which a client gives up. */
  readonly patienceMs?: number
}

/** A workload that runs. */
export interface Workload {
  readonly recorder: Recorder
  /** Resolves when every session has its last answer. */
  readonly done: Promise<void>
  /** Answers other than success, by their reason. */
  troubles(): Record<string, number>
  /** Resolves when so many more operations have been answered: something has happened since. */
  progress(operations: number): Promise<void>
}

/** Sessions that do random operations until the time is over. What each draws depends on the seed alone. */
export function startWorkload(options: WorkloadOptions): Workload {
  const recorder = new Recorder()
  const end = systemClock.monotonic() + options.durationMs
  const progress = new Progress()
  const clients: KitClient[] = []
  const tab = async (client: KitClient, dice: Dice, name: string): Promise<void> => {
    let count = 0
    while (systemClock.monotonic() < end && !options.signal?.aborted) {
      count += 1
      await client.do(randomCall(dice, `${name}.${count}`))
      progress.add()
      await systemClock.sleep(dice.below(THINK_MS_MAX))
    }
  }
  const session = async (at: number): Promise<void> => {
    const dice = options.dice.branch(at)
    const memory = options.memory?.(at)
    const client = new KitClient({ ...options, session: `s${at}`, recorder, dice: dice.branch(0), memory })
    clients.push(client)
    const tabs = Array.from({ length: options.tabs ?? 1 }, (_, number) =>
      tab(client, number === 0 ? dice : dice.branch(number), number === 0 ? `s${at}` : `s${at}t${number}`),
    )
    await Promise.all(tabs)
  }
  const done = Promise.all(Array.from({ length: options.sessions }, (_, at) => session(at))).then(() => {
    progress.end()
  })
  return {
    recorder,
    done,
    troubles: () => sumOf(clients),
    progress: (operations) => progress.further(operations),
  }
}

/** A value or an element never comes twice: what is seen can be traced to who made it. */
export function randomCall(dice: Dice, unique: string): Call {
  const roll = dice.below(100)
  if (roll < 12) return { type: roll < 4 ? 'look' : 'read', key: dice.pick(REGISTERS) }
  if (roll < 24) return { type: 'write', key: dice.pick(REGISTERS), value: dice.below(5) }
  if (roll < 36) {
    const from = dice.chance(0.1) ? null : dice.below(5)
    return { type: 'cas', key: dice.pick(REGISTERS), from, to: dice.below(5) }
  }
  if (roll < 52) return { type: 'append', key: dice.pick(LISTS), element: unique }
  if (roll < 60) return { type: 'list', key: dice.pick(LISTS) }
  if (roll < 76) return { type: 'increment', keys: someCounters(dice), by: 1 }
  if (roll < 82) return { type: 'count', key: dice.pick(COUNTERS) }
  if (roll < 95) return { type: 'transfer', ...twoAccounts(dice), amount: 1 + dice.below(60) }
  return { type: 'balances' }
}

function someCounters(dice: Dice): string[] {
  const first = dice.pick(COUNTERS)
  const second = dice.pick(COUNTERS)
  return first === second ? [first] : [first, second]
}

function twoAccounts(dice: Dice): { from: string; to: string } {
  const from = dice.pick(Object.keys(ACCOUNTS))
  return { from, to: dice.pick(Object.keys(ACCOUNTS).filter((id) => id !== from)) }
}

function sumOf(clients: readonly KitClient[]): Record<string, number> {
  const sum: Record<string, number> = {}
  for (const { troubles } of clients) for (const [why, count] of troubles) sum[why] = (sum[why] ?? 0) + count
  return sum
}
