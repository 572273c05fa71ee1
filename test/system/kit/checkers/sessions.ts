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

/** Requests of one session may overlap: only what had returned when another was invoked binds it. */
function checkSession(session: string, own: readonly Operation[]): Violation[] {
  const told = own.filter(({ outcome }) => outcome === 'ok')
  const returns = told.toSorted((a, b) => a.returned - b.returned)
  const reached = new Map<string, { level: number; id: number }>()
  const found: Violation[] = []
  let next = 0
  for (const operation of told.toSorted((a, b) => a.invoked - b.invoked)) {
    for (; next < returns.length && returns[next]!.returned < operation.invoked; next++) {
      const { id } = returns[next]!
      for (const { what, level } of levels(returns[next]!))
        if (level >= (reached.get(what)?.level ?? 0)) reached.set(what, { level, id })
    }
    for (const { what, level } of levels(operation)) {
      const before = reached.get(what)
      if (!before || level >= before.level) continue
      const message = `session ${session} saw ${what} at ${level} after it had been at ${before.level}`
      found.push({ checker: CHECKER, message, operations: [before.id, operation.id] })
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
