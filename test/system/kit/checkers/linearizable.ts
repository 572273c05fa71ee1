/** An object under test as a state machine. States are compared by their text. */
export interface Model<Call, Result> {
  readonly initial: string
  /**
   * The state after `call`, or undefined when it cannot have given `result` in `state`. An undefined result is
   * unknown and fits always.
   */
  step(state: string, call: Call, result: Result | undefined): string | undefined
}

/** One operation as the search sees it; `returned` is Infinity when it is not known to have taken effect. */
export interface Interval<Call, Result> {
  readonly id: number
  readonly call: Call
  readonly result: Result | undefined
  readonly invoked: number
  readonly returned: number
}

export interface Search {
  readonly linearizable: boolean
  /** How many operations the longest legal order covers. */
  readonly covered: number
  /** The operations of which none could come next there, by id. */
  readonly stuck: readonly number[]
  /** The state there. */
  readonly state: string
  /** Configurations looked at. */
  readonly visited: number
}

/** A prefix of a linearization: which operations it covers and the state it leads to. */
interface Configuration {
  /** All certain operations before this index are covered. */
  readonly frontier: number
  /** Covered certain operations beyond it, ascending. */
  readonly beyond: readonly number[]
  /** Covered uncertain operations, ascending. */
  readonly uncertain: readonly number[]
  readonly state: string
}

const insert = (sorted: readonly number[], value: number): number[] =>
  [...sorted, value].sort((a, b) => a - b)

/**
 * Wing and Gong's search for a linearization, with Lowe's memory of configurations that failed before: two ways
 * to the same set of operations and the same state need only one look.
 *
 * It ends when every operation that returned is covered; those that did not return may have happened or not.
 */
export function linearize<Call, Result>(
  operations: readonly Interval<Call, Result>[],
  model: Model<Call, Result>,
  configurationsMax = 5_000_000,
): Search {
  const byStart = operations.toSorted((a, b) => a.invoked - b.invoked)
  const certain = byStart.filter(({ returned }) => returned !== Number.POSITIVE_INFINITY)
  const uncertain = byStart.filter(({ returned }) => returned === Number.POSITIVE_INFINITY)
  const seen = new Set<string>()
  const stack: Configuration[] = [{ frontier: 0, beyond: [], uncertain: [], state: model.initial }]
  let best = { covered: -1, stuck: [] as number[], state: model.initial }
  for (let at = stack.pop(); at; at = stack.pop()) {
    if (at.frontier === certain.length)
      return { linearizable: true, covered: certain.length, stuck: [], state: at.state, visited: seen.size }
    const key = `${at.frontier}|${at.beyond.join()}|${at.uncertain.join()}|${at.state}`
    if (seen.has(key)) continue
    if (seen.size >= configurationsMax)
      throw new Error(`the search exceeds ${configurationsMax} configurations`)
    seen.add(key)
    const { next, candidates } = successors(at, certain, uncertain, model)
    stack.push(...next)
    const covered = at.frontier + at.beyond.length
    if (covered > best.covered) best = { covered, stuck: candidates, state: at.state }
  }
  return { linearizable: false, ...best, visited: seen.size }
}

/** An operation may come next if no other uncovered one returned before it was invoked. */
function successors<Call, Result>(
  at: Configuration,
  certain: readonly Interval<Call, Result>[],
  uncertain: readonly Interval<Call, Result>[],
  model: Model<Call, Result>,
): { next: Configuration[]; candidates: number[] } {
  const open: number[] = []
  let horizon = Number.POSITIVE_INFINITY
  for (let i = at.frontier; i < certain.length && certain[i]!.invoked < horizon; i++) {
    if (at.beyond.includes(i)) continue
    open.push(i)
    horizon = Math.min(horizon, certain[i]!.returned)
  }
  const next: Configuration[] = []
  // The stack hands out the last one first: uncertain operations are tried only when nothing else fits, and among
  // the others the one that returned first is tried first.
  for (let i = 0; i < uncertain.length; i++) {
    const operation = uncertain[i]!
    if (operation.invoked >= horizon || at.uncertain.includes(i)) continue
    const state = model.step(at.state, operation.call, undefined)
    if (state !== undefined) next.push({ ...at, uncertain: insert(at.uncertain, i), state })
  }
  for (const i of open.sort((a, b) => certain[b]!.returned - certain[a]!.returned)) {
    const operation = certain[i]!
    const state = model.step(at.state, operation.call, operation.result)
    if (state !== undefined) next.push({ ...advance(at, i), uncertain: at.uncertain, state })
  }
  return { next, candidates: open.map((i) => certain[i]!.id) }
}

function advance(at: Configuration, covered: number): { frontier: number; beyond: number[] } {
  const beyond = insert(at.beyond, covered)
  let { frontier } = at
  while (beyond[0] === frontier) {
    beyond.shift()
    frontier += 1
  }
  return { frontier, beyond }
}
