import type { Finals } from '../checkers/all.ts'
import type { Call, Operation, Results } from '../history.ts'
import { ACCOUNTS } from '../operations.ts'
import type { Dice } from '../seed.ts'
import { randomCall } from '../workload.ts'

/** What goes wrong with one operation of a simulated run. */
export type Wrong = 'lost' | 'doubled' | 'stale'

interface World {
  registers: Record<string, number>
  lists: Record<string, string[]>
  counters: Record<string, number>
  balances: Record<string, number>
}

/** What a perfect system does. */
function apply(world: World, call: Call): Results[Call['type']] {
  const { registers, lists, counters, balances } = world
  switch (call.type) {
    case 'read':
    case 'look':
      return { value: registers[call.key] ?? null }
    case 'write':
      registers[call.key] = call.value
      return { value: call.value }
    case 'cas': {
      const swapped = (registers[call.key] ?? null) === call.from
      if (swapped) registers[call.key] = call.to
      return { swapped }
    }
    case 'append':
      lists[call.key] = [...(lists[call.key] ?? []), call.element]
      return { length: lists[call.key]!.length }
    case 'list':
      return { elements: lists[call.key] ?? [] }
    case 'increment':
      for (const key of call.keys) counters[key] = (counters[key] ?? 0) + call.by
      return { totals: call.keys.map((key) => counters[key]!) }
    case 'count':
      return { total: counters[call.key] ?? 0 }
    case 'transfer': {
      const moved = balances[call.from]! >= call.amount
      if (moved) balances[call.from]! -= call.amount
      if (moved) balances[call.to]! += call.amount
      return { moved }
    }
    case 'balances':
      return { balances: { ...balances } }
  }
}

type Draft = { -readonly [K in keyof Operation]: Operation[K] }

/** One session: what it waits for, and how far that is. */
interface Session {
  operation: Draft | undefined
  result: Results[Call['type']] | undefined
  calls: number
}

/**
 * How often an operation's answer never comes, in runs where nothing goes wrong: an increment of unknown outcome would
 * explain a doubled one, and rightly so.
 */
const LOST_ANSWERS = 0.05

/**
 * A run of a simulated system: sessions whose calls, effects and answers interleave at random. At most one operation
 * goes `wrong`, so that it is certain to be an impossible history; `planted` says whether an occasion came up.
 */
export function simulate(
  dice: Dice,
  options: { sessions: number; steps: number; wrong?: Wrong },
): { history: Operation[]; finals: Finals; planted: boolean } {
  const world: World = { registers: {}, lists: {}, counters: {}, balances: { ...ACCOUNTS } }
  const history: Draft[] = []
  const late: Draft[] = []
  const sessions = Array.from(
    { length: options.sessions },
    (): Session => ({ operation: undefined, result: undefined, calls: 0 }),
  )
  let [events, planted] = [0, false]
  const begin = (session: Session, name: string): void => {
    session.calls += 1
    const call = randomCall(dice, `${name}.${session.calls}`)
    const operation: Draft = {
      ...{ id: history.length, session: name, call, invoked: events, returned: Number.POSITIVE_INFINITY },
      ...{ outcome: 'unknown', answers: [], attempts: 1, invokedMs: events, returnedMs: -1 },
    }
    history.push(operation)
    session.result = undefined
    // Nobody hears of it again; whether and when it happens is open.
    if (options.wrong || !dice.chance(LOST_ANSWERS)) session.operation = operation
    else if (dice.chance(0.5)) late.push(operation)
  }
  const effect = (session: Session, { call, invoked }: Draft): void => {
    const wrong = planted || events < options.steps / 2 ? undefined : options.wrong
    const before = structuredClone(world)
    session.result = apply(world, call)
    if (wrong === undefined) return
    const stale = wrong === 'stale' ? staleResult(call, invoked, history) : undefined
    if (stale) session.result = stale
    const marks = call.type === 'append' || call.type === 'increment'
    if (wrong === 'lost' && marks) Object.assign(world, before)
    if (wrong === 'doubled' && marks) apply(world, call)
    planted = stale !== undefined || (wrong !== 'stale' && marks)
  }
  const finish = (session: Session, operation: Draft, result: Results[Call['type']]): void => {
    Object.assign(operation, {
      returned: events,
      returnedMs: events,
      outcome: 'ok',
      result,
      answers: [result],
    })
    session.operation = undefined
  }
  for (; events < options.steps; events++) {
    const at = dice.below(options.sessions)
    const session = sessions[at]!
    if (!session.operation) begin(session, `s${at}`)
    else if (!session.result) effect(session, session.operation)
    else finish(session, session.operation, session.result)
    if (dice.chance(0.05)) for (const operation of late.splice(0, 1)) apply(world, operation.call)
  }
  for (const session of sessions) {
    const { operation } = session
    if (!operation) continue
    if (!session.result) effect(session, operation)
    finish(session, operation, session.result!)
    events += 1
  }
  return { history, finals: world, planted }
}

/** An answer without the last thing that had been acknowledged before the question; none when there is no such thing. */
function staleResult(
  call: Call,
  invoked: number,
  history: readonly Draft[],
): Results['list'] | Results['count'] | undefined {
  const known = history.filter(({ outcome, returned }) => outcome === 'ok' && returned < invoked)
  if (call.type === 'list') {
    const places = known.flatMap((one) =>
      one.call.type === 'append' && one.call.key === call.key
        ? [{ element: one.call.element, place: (one.result as Results['append']).length }]
        : [],
    )
    const earlier = places.toSorted((a, b) => a.place - b.place).map(({ element }) => element)
    return earlier.length > 0 ? { elements: earlier.slice(0, -1) } : undefined
  }
  if (call.type !== 'count') return undefined
  const totals = known.flatMap((one) =>
    one.call.type === 'increment'
      ? one.call.keys.flatMap((key, i) =>
          key === call.key ? [(one.result as Results['increment']).totals[i]!] : [],
        )
      : [],
  )
  return totals.length > 0 ? { total: Math.max(...totals) - 1 } : undefined
}
