import { groupBy, type Operation, ofType, type Violation } from '../history.ts'

const CHECKER = 'lists'

/**
 * Append-only lists. In the end every acknowledged element is there exactly once, an unknown one at most once, and
 * no other; every list that anyone saw is a beginning of the final one and contains what had been acknowledged
 * before it was asked for.
 */
export function checkLists(
  history: readonly Operation[],
  finals: Readonly<Record<string, readonly string[]>>,
  { copies = false }: { readonly copies?: boolean } = {},
): Violation[] {
  const appends = groupBy(ofType(history, 'append'), ({ call }) => call.key)
  const reads = groupBy(ofType(history, 'list'), ({ call }) => call.key)
  const keys = new Set([...Object.keys(finals), ...appends.keys(), ...reads.keys()])
  return [...keys].flatMap((key) => {
    const final = finals[key] ?? []
    const own = appends.get(key) ?? []
    const seen = (reads.get(key) ?? []).filter(({ outcome }) => outcome === 'ok')
    return [
      ...checkElements(key, own, final),
      ...checkLengths(key, own, final),
      ...seen.flatMap((read) => [
        ...checkPrefix(key, read, final),
        ...(copies ? [] : checkFresh(key, read, own)),
      ]),
    ]
  })
}

function checkElements(
  key: string,
  appends: readonly Operation<'append'>[],
  final: readonly string[],
): Violation[] {
  const counts = new Map<string, number>()
  for (const element of final) counts.set(element, (counts.get(element) ?? 0) + 1)
  const found: Violation[] = []
  const report = (message: string, operations: number[]): void => {
    found.push({ checker: CHECKER, message: `list ${key}: ${message}`, operations })
  }
  for (const { id, outcome, call } of appends) {
    const count = counts.get(call.element) ?? 0
    counts.delete(call.element)
    if (outcome === 'ok' && count === 0) report(`the acknowledged element ${call.element} is lost`, [id])
    if (outcome === 'fail' && count > 0) report(`the refused element ${call.element} is there`, [id])
    if (count > 1) report(`the element ${call.element} is there ${count} times`, [id])
  }
  for (const [element] of counts) report(`the element ${element} was never appended`, [])
  return found
}

/** The answer to an append is the list's length: it says where the element must be. */
function checkLengths(
  key: string,
  appends: readonly Operation<'append'>[],
  final: readonly string[],
): Violation[] {
  return appends
    .filter(
      ({ outcome, result, call }) => outcome === 'ok' && result && final[result.length - 1] !== call.element,
    )
    .map(({ id, call, result }) => ({
      checker: CHECKER,
      message: `list ${key}: ${call.element} was acknowledged at place ${result?.length}, but ${final[(result?.length ?? 0) - 1]} is there`,
      operations: [id],
    }))
}

function checkPrefix(key: string, read: Operation<'list'>, final: readonly string[]): Violation[] {
  const elements = read.result?.elements ?? []
  const at = elements.findIndex((element, i) => element !== final[i])
  if (at < 0) return []
  const message = `list ${key} was seen with ${elements[at]} at place ${at + 1}, where the final list has ${final[at]}`
  return [{ checker: CHECKER, message, operations: [read.id] }]
}

/** What was acknowledged before the list was asked for is in it, whoever appended it. */
function checkFresh(
  key: string,
  read: Operation<'list'>,
  appends: readonly Operation<'append'>[],
): Violation[] {
  const elements = new Set(read.result?.elements)
  return appends
    .filter(({ outcome, returned }) => outcome === 'ok' && returned < read.invoked)
    .filter(({ call }) => !elements.has(call.element))
    .map(({ id, call }) => ({
      checker: CHECKER,
      message: `list ${key} was seen without ${call.element}, which had been acknowledged before`,
      operations: [id, read.id],
    }))
}
