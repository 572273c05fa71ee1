import type { Answer, Op } from './operations.ts'

/** One request of a session, with all that it was answered. Times are monotonic milliseconds of the test. */
export interface Exchange {
  readonly session: string
  /** Whether the session carries a token; without one only the bound is promised. */
  readonly tracked: boolean
  readonly ops: readonly Op[]
  /** Before it was sent for the first time. */
  readonly sentAt: number
  answeredAt: number | undefined
  answers: readonly Answer[]
}

/** How old a value may be for those who have not seen a later one. */
export const BOUND_MS = 1_000

/**
 * What must hold of cached reads: not older than what the session's earlier requests saw or wrote, nor than what this
 * request wrote before; not older than the bound for anybody; and no version that nobody wrote.
 */
export function violations(history: readonly Exchange[]): string[] {
  const found: string[] = []
  const acknowledged = acknowledgements(history)
  const asked = bumpsAsked(history)
  const seen = new Map<string, Map<string, number>>()
  for (const exchange of history) {
    const { session, ops, answers, answeredAt, sentAt, tracked } = exchange
    if (answeredAt === undefined) continue
    const known = seen.get(session) ?? new Map<string, number>()
    seen.set(session, known)
    const after = new Map(known)
    const own = new Map<string, number>()
    for (const [at, op] of ops.entries()) {
      const say = (what: string) =>
        found.push(`${session} at ${sentAt.toFixed(1)}: ${JSON.stringify(op)} gave ${answers[at]}, ${what}`)
      for (const version of answers[at] as Answer) {
        if (version > countBefore(asked.get(op.id) ?? [], answeredAt)) say('which nobody wrote')
        if (op.type === 'get') {
          const mine = Math.max(tracked ? (known.get(op.id) ?? 0) : 0, own.get(op.id) ?? 0)
          if (version < mine) say(`after this session knew ${mine}`)
          const due = highestBefore(acknowledged.get(op.id), sentAt - BOUND_MS)
          if (version < due) say(`more than ${BOUND_MS} ms after ${due} was acknowledged`)
        } else own.set(op.id, version)
        after.set(op.id, Math.max(after.get(op.id) ?? 0, version))
      }
    }
    seen.set(session, after)
  }
  return [...found, ...doubled(history)]
}

/** Of one pair: when writes were acknowledged, in order, and the highest version that was by then. */
interface Acknowledged {
  readonly at: number[]
  readonly highest: number[]
}

function acknowledgements(history: readonly Exchange[]): Map<string, Acknowledged> {
  const all = new Map<string, Acknowledged>()
  const answered = history.filter(({ answeredAt }) => answeredAt !== undefined)
  for (const { ops, answers, answeredAt } of answered.toSorted((x, y) => x.answeredAt! - y.answeredAt!))
    for (const [at, { type, id }] of ops.entries()) {
      if (type !== 'bump') continue
      const list = all.get(id) ?? { at: [], highest: [] }
      all.set(id, list)
      list.at.push(answeredAt as number)
      list.highest.push(Math.max((answers[at] as Answer)[0] as number, list.highest.at(-1) ?? 0))
    }
  return all
}

/** By id, when each write of it was first asked for, in order. */
function bumpsAsked(history: readonly Exchange[]): Map<string, number[]> {
  const all = new Map<string, number[]>()
  for (const { ops, sentAt } of history.toSorted((x, y) => x.sentAt - y.sentAt))
    for (const { type, id } of ops) {
      if (type !== 'bump') continue
      const list = all.get(id) ?? []
      all.set(id, list)
      list.push(sentAt)
    }
  return all
}

function doubled(history: readonly Exchange[]): string[] {
  const told = new Set<string>()
  const found: string[] = []
  for (const { ops, answers } of history)
    for (const [at, { type, id }] of ops.entries()) {
      if (type !== 'bump' || !answers[at]) continue
      const name = `version ${answers[at][0]} of ${id}`
      if (told.has(name)) found.push(`${name} was told to two writes`)
      told.add(name)
    }
  return found
}

/** How many of `times`, in order, lie at or before `at`. */
function countBefore(times: readonly number[], at: number): number {
  let [low, high] = [0, times.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((times[middle] as number) <= at) low = middle + 1
    else high = middle
  }
  return low
}

function highestBefore(list: Acknowledged | undefined, at: number): number {
  return list?.highest[countBefore(list.at, at) - 1] ?? 0
}
