import { groupBy, type Operation, type Results, type Violation } from '../history.ts'

const CHECKER = 'sessions'

/**
 * What a session may rely on at every stage, also with replicas and caches between: it sees its own writes, and
 * what it saw once does not go away again. For values that only grow: the lengths of lists and the totals of
 * counters. (Registers go up and down; see registers.ts.)
 */
export function checkSessions(history: readonly Operation[]): Violation[] {
  return [...groupBy(history, ({ session }) => session)].flatMap(([session, own]) =>
    checkSession(session, own),
  )
}

function checkSession(session: string, own: readonly Operation[]): Violation[] {
  const reached = new Map<string, { level: number; id: number }>()
  const found: Violation[] = []
  for (const operation of own.toSorted((a, b) => a.invoked - b.invoked)) {
    if (operation.outcome !== 'ok') continue
    for (const { what, level } of levels(operation)) {
      const before = reached.get(what)
      if (before && level < before.level) {
        const message = `session ${session} saw ${what} at ${level} after it had been at ${before.level}`
        found.push({ checker: CHECKER, message, operations: [before.id, operation.id] })
      }
      if (!before || level > before.level) reached.set(what, { level, id: operation.id })
    }
  }
  return found
}

function levels({ call, result }: Operation): { what: string; level: number }[] {
  switch (call.type) {
    case 'append':
      return [{ what: `list ${call.key}`, level: (result as Results['append']).length }]
    case 'list':
      return [{ what: `list ${call.key}`, level: (result as Results['list']).elements.length }]
    case 'increment': {
      const { totals } = result as Results['increment']
      return call.keys.map((key, i) => ({ what: `counter ${key}`, level: totals[i] ?? 0 }))
    }
    case 'count':
      return [{ what: `counter ${call.key}`, level: (result as Results['count']).total }]
    default:
      return []
  }
}
