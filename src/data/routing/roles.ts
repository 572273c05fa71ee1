import type { Lsn } from '../../core/lsn.ts'
import type { Position } from '../../core/position.ts'

/** What a member says of itself. */
export interface MemberAnswer {
  /** The system identifier: the same for a primary and all that was ever copied from it. */
  readonly system: string
  /** Replays the log of another. */
  readonly standby: boolean
  /** Takes writes: neither a standby nor read-only by its settings. */
  readonly writable: boolean
  /** Of a primary; of a standby while it receives: the one it receives. */
  readonly timeline: number | undefined
  /** Of a primary: what is on its disk; of a standby: what it has replayed. */
  readonly lsn: Lsn | undefined
  /** Of a standby: the replication slot and the name under which it asks for the log. */
  readonly slot: string | undefined
  readonly name: string | undefined
  /** Of a primary: whether a commit waits for any standby. */
  readonly waits: boolean
  /** Of a primary: who receives its log. */
  readonly receivers: readonly Receiver[]
}

/** A standby as its primary knows it. */
export interface Receiver {
  readonly slot: string | null
  readonly name: string | null
  /** `sync` or `quorum`: its word counts now. `potential` and `async`: it does not. Null: we may not know. */
  readonly state: string | null
}

/** What is known of a member now; without an answer it is silent, refuses, or has not been asked yet. */
export interface MemberView {
  readonly id: string
  readonly answer: MemberAnswer | undefined
  /** It has answered, refused or been silent at least once. */
  readonly asked: boolean
  /** What it said does not count any more, and what it says now has not come yet. */
  readonly suspected?: boolean
}

/** Who is what. */
export interface Roles {
  /** The one that takes writes, for all we know. */
  readonly primary: string | undefined
  /** Those that may answer reads, once they have reached {@link base}. */
  readonly replicas: readonly string[]
  /**
   * Standbys that may not answer now, and members that have to say anew what they are: in a moment they may be replicas, or
   * one of them the primary. When a primary goes, its standbys belong to no timeline until they follow the next one.
   */
  readonly resting: readonly string[]
  /** Where the primary stood when it was first seen on its timeline: no copy on it may be trusted with less. */
  readonly base: Position | undefined
  /** Standbys whose word counts for commits, as the last primary told. */
  readonly synchronous: readonly string[]
  /** The highest timeline ever seen: who takes writes on a lower one has been replaced. */
  readonly timeline: number
  readonly system: string | undefined
  /** Members of another database system: never used. */
  readonly foreign: readonly string[]
  /** Members that take writes though they have been replaced: never used. */
  readonly replaced: readonly string[]
  /** The primary does not tell us which standbys are synchronous: the role lacks `pg_read_all_stats`. */
  readonly untold: boolean
}

export const NO_ROLES: Roles = {
  primary: undefined,
  replicas: [],
  resting: [],
  base: undefined,
  synchronous: [],
  timeline: 0,
  system: undefined,
  foreign: [],
  replaced: [],
  untold: false,
}

/** Decides who is what from what was known and what is seen. Pure. */
export function decideRoles(before: Roles, views: readonly MemberView[]): Roles {
  const answers = views.flatMap(({ id, answer }) => (answer === undefined ? [] : [{ id, ...answer }]))
  const system = before.system ?? commonSystem(answers, views)
  const own = answers.filter((one) => one.system === system)
  // A standby may know of a promotion before the promoted one answers us, or when it is none of our members.
  const timeline = own.reduce((highest, one) => Math.max(highest, one.timeline ?? 0), before.timeline)
  const writable = own.filter((one) => one.writable)
  const latest = writable.filter((one) => one.timeline === timeline)
  const primary = latest.find(({ id }) => id === before.primary) ?? latest.toSorted(byLsn)[0]
  const told = primary === undefined ? undefined : synchronousOf(primary, own)
  const synchronous = told?.ids ?? before.synchronous
  const base = baseOf(before.base, primary)
  const standbys = own.filter(({ standby }) => standby)
  const replicas = standbys.filter(
    (one) => one.timeline === base?.timeline && timeline === base?.timeline && synchronous.includes(one.id),
  )
  return {
    primary: primary?.id,
    replicas: replicas.map(({ id }) => id),
    resting: [
      ...standbys.filter((one) => !replicas.includes(one)),
      ...views.filter(({ suspected }) => suspected),
    ].map(({ id }) => id),
    base,
    synchronous,
    timeline,
    system,
    foreign: answers.filter((one) => system !== undefined && one.system !== system).map(({ id }) => id),
    replaced: writable.filter((one) => one.timeline !== timeline).map(({ id }) => id),
    untold: told?.untold ?? before.untold,
  }
}

type Answered = MemberAnswer & { readonly id: string }

/**
 * The system of most members; of equally many the one that is listed first. It holds for good, so whoever answers first must
 * not decide alone: unknown until more than half agree, or all have been asked.
 */
function commonSystem(answers: readonly Answered[], views: readonly MemberView[]): string | undefined {
  const counts = new Map<string, number>()
  for (const { system } of answers) counts.set(system, (counts.get(system) ?? 0) + 1)
  const [[most, count] = [undefined, 0]] = [...counts].toSorted(([, one], [, other]) => other - one)
  return count > views.length / 2 || views.every(({ asked }) => asked) ? most : undefined
}

function byLsn(one: Answered, other: Answered): number {
  const [a, b] = [one.lsn ?? 0n, other.lsn ?? 0n]
  return a > b ? -1 : a < b ? 1 : 0
}

function baseOf(before: Position | undefined, primary: Answered | undefined): Position | undefined {
  if (primary?.timeline === undefined || primary.lsn === undefined) return before
  return before?.timeline === primary.timeline ? before : { timeline: primary.timeline, lsn: primary.lsn }
}

/**
 * The standbys on which everything that they show is certain to survive: those whose word counts. Without any that
 * commits wait for, a failover may take back anything that anybody showed, and no standby is worse than another.
 */
function synchronousOf(primary: Answered, own: readonly Answered[]): { ids: string[]; untold: boolean } {
  const standbys = own.filter(({ standby }) => standby)
  if (!primary.waits) return { ids: standbys.map(({ id }) => id), untold: false }
  const counting = primary.receivers.filter(({ state }) => state === 'sync' || state === 'quorum')
  const ids = standbys.filter((one) => receiverOf(one, primary.receivers, counting)).map(({ id }) => id)
  return { ids, untold: primary.receivers.some(({ state }) => state === null) }
}

/** By the slot, which is one standby's alone; else by the name, when no other standby has it. */
function receiverOf(
  { slot, name }: Answered,
  all: readonly Receiver[],
  counting: readonly Receiver[],
): Receiver | undefined {
  if (slot !== undefined) return counting.find((one) => one.slot === slot)
  const named = all.filter((one) => one.name === name && name !== undefined)
  return named.length === 1 ? counting.find((one) => one === named[0]) : undefined
}
