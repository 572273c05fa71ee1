import type { Clock, Timer } from '../../core/clock.ts'
import type { Logger } from '../../core/log.ts'
import type { ClusterMember } from '../client/types.ts'
import { Observer } from './look.ts'
import { decideRoles, type MemberAnswer, NO_ROLES, type Roles } from './roles.ts'

/** Milliseconds that a member has to answer; then it counts as silent until it does. */
export const LOOK_MS_MAX = 500
/** Milliseconds between two looks while somebody waits for a primary. */
const URGENT_MS = 10
/** The same while some member is not what it should be, for the first {@link PATIENT_MS}. */
const UNSETTLED_MS = 50
/** The same when all is well, or has been wrong for long. What is known of who is synchronous is at most this old. */
const SETTLED_MS = 500
const PATIENT_MS = 10_000

interface Member {
  readonly id: string
  readonly observer: Observer
  answer: MemberAnswer | undefined
  /** When it was asked for that. */
  askedAt: number
  /** Why there is none. */
  failure: Error | undefined
  suspected: boolean
  /** Answers to looks that began before say nothing any more. */
  notBefore: number
  /** Looks again until one has begun after this. */
  wantedAt: number
  wake: ((afterMs: number) => void) | undefined
  readonly waiting: { since: number; resolve: () => void }[]
  over: boolean
}

export interface WatchOptions {
  readonly cluster: string
  readonly clock: Clock
  readonly log: Logger
  /** Somebody waits for a primary. */
  readonly urgent: () => boolean
  /** Called at each change. */
  readonly onRoles: (roles: Roles) => void
  /** Called with each answer. */
  readonly onAnswer: (id: string, answer: MemberAnswer) => void
}

/** Asks every member of a cluster what it is, each in a loop of its own: a silent one holds up nobody. */
export class Watch {
  readonly #options: WatchOptions
  readonly #members = new Map<string, Member>()
  #roles: Roles = NO_ROLES
  #changedAt = 0
  /** When the highest timeline was first heard of. */
  #timelineAt = 0
  #said = new Set<string>()

  constructor(options: WatchOptions) {
    this.#options = options
  }

  get roles(): Roles {
    return this.#roles
  }

  /** Whether a member has answered the last look. */
  answers(id: string): boolean {
    return this.#members.get(id)?.answer !== undefined
  }

  /** What keeps a member from being used, for messages. */
  get troubles(): string {
    const { foreign, replaced } = this.#roles
    return [...this.#members.values()]
      .map(({ id, answer, failure }) => {
        if (answer === undefined) return `${id}: ${failure?.message ?? 'not asked yet'}`
        if (foreign.includes(id)) return `${id}: belongs to another database system`
        if (replaced.includes(id)) return `${id}: was replaced as the primary`
        return `${id}: ${answer.standby ? 'is a standby' : answer.writable ? 'is the primary' : 'is read-only'}`
      })
      .join('; ')
  }

  /** From now on these; what was found out of those that stay holds. */
  set(members: readonly ClusterMember[]): void {
    const { clock } = this.#options
    const wanted = new Set(members.map(({ id }) => id))
    for (const [id, member] of this.#members) if (!wanted.has(id)) this.#drop(member)
    for (const { id, connection } of members) {
      if (this.#members.has(id)) continue
      const member: Member = {
        id,
        observer: new Observer(connection, (ms, run) => clock.timer(ms, run)),
        answer: undefined,
        askedAt: 0,
        failure: undefined,
        suspected: false,
        notBefore: 0,
        wantedAt: clock.monotonic(),
        wake: undefined,
        waiting: [],
        over: false,
      }
      this.#members.set(id, member)
      this.#run(member).catch((err: unknown) =>
        this.#options.log.error(
          { cluster: this.#options.cluster, member: id, err },
          'a member is not watched any more',
        ),
      )
    }
    this.#changedAt = clock.monotonic()
    this.#decide()
  }

  /** A member whose address has changed is another one. */
  forget(id: string): void {
    const member = this.#members.get(id)
    if (member) this.#drop(member)
  }

  /** What this member said until now does not count any more: it has to say it again. */
  suspect(id: string): void {
    const member = this.#members.get(id)
    if (!member) return
    member.notBefore = this.#options.clock.monotonic()
    // One that has said nothing since is asked again soon anyway: each of its sessions that ends tells the same.
    if (member.answer === undefined) return
    member.suspected = true
    member.answer = undefined
    this.#want(member)
    this.#decide()
  }

  /** Asks one at once; what it said until now holds until then. */
  ask(id: string): void {
    const member = this.#members.get(id)
    if (member) this.#want(member)
  }

  /** Asks all at once; resolves when each has answered, or was silent. */
  async lookAgain(): Promise<void> {
    const since = this.#options.clock.monotonic()
    await Promise.all(
      [...this.#members.values()].map(
        (member) =>
          new Promise<void>((resolve) => {
            member.waiting.push({ since, resolve })
            this.#want(member)
          }),
      ),
    )
  }

  /** Somebody has begun to wait: pauses are shorter from now on. */
  hurry(): void {
    for (const member of this.#members.values()) member.wake?.(URGENT_MS)
  }

  close(): void {
    for (const member of [...this.#members.values()]) this.#drop(member)
  }

  #want(member: Member): void {
    member.wantedAt = this.#options.clock.monotonic()
    member.wake?.(0)
  }

  #drop(member: Member): void {
    member.over = true
    this.#members.delete(member.id)
    member.observer.close()
    member.wake?.(0)
    for (const { resolve } of member.waiting.splice(0)) resolve()
  }

  async #run(member: Member): Promise<void> {
    const { clock } = this.#options
    while (!member.over) {
      const askedAt = clock.monotonic()
      const answer = await member.observer.look(LOOK_MS_MAX).catch((error: Error) => {
        member.failure = error
        return undefined
      })
      if (member.over) return
      if (askedAt >= member.notBefore) this.#answered(member, answer, askedAt)
      const [due, later] = [member.waiting.filter(({ since }) => since <= askedAt), member.waiting]
      later.splice(0, later.length, ...later.filter(({ since }) => since > askedAt))
      for (const { resolve } of due) resolve()
      if (member.wantedAt <= askedAt) await this.#pause(member)
    }
  }

  #answered(member: Member, answer: MemberAnswer | undefined, askedAt: number): void {
    member.answer = answer
    member.askedAt = askedAt
    member.suspected = false
    if (answer) this.#options.onAnswer(member.id, answer)
    this.#decide()
  }

  async #pause(member: Member): Promise<void> {
    const { clock } = this.#options
    let timer: Timer | undefined
    await new Promise<void>((resolve) => {
      timer = clock.timer(this.#paceMs(member), resolve)
      member.wake = (afterMs) => {
        if (afterMs > 0 && refuses(member)) return
        // Once only: many who come after another must not put it off.
        member.wake = undefined
        timer?.cancel()
        if (afterMs === 0) resolve()
        else timer = clock.timer(afterMs, resolve)
      }
    })
    member.wake = undefined
  }

  #paceMs(member: Member): number {
    const { urgent, clock } = this.#options
    const fresh = clock.monotonic() - this.#changedAt < PATIENT_MS
    if (this.#roles.primary === undefined && urgent())
      return fresh && !refuses(member) ? URGENT_MS : UNSETTLED_MS
    const settled =
      this.#roles.primary !== undefined && this.#roles.replicas.length === this.#members.size - 1
    return settled || !fresh ? SETTLED_MS : UNSETTLED_MS
  }

  #decide(): void {
    const before = this.#roles
    const views = [...this.#members.values()].map(({ id, answer, failure, suspected }) => ({
      id,
      answer,
      asked: answer !== undefined || failure !== undefined,
      suspected,
    }))
    const roles = decideRoles(before, views)
    this.#roles = roles
    if (roles.timeline !== before.timeline) this.#timelineAt = this.#options.clock.monotonic()
    this.#say(roles)
    if (sameRoles(before, roles)) return
    this.#changedAt = this.#options.clock.monotonic()
    this.#options.onRoles(roles)
  }

  /** Whether it was asked after it had been replaced; what it said before was true then. It is asked again. */
  #saysSoStill(id: string): boolean {
    const member = this.#members.get(id)
    if (!member) return false
    if (member.askedAt > this.#timelineAt) return true
    this.#want(member)
    return false
  }

  /** Each thing once, until it is over. */
  #say({ foreign, replaced, untold }: Roles): void {
    const { log, cluster } = this.#options
    const now = new Set<string>()
    const say = (what: string, tell: () => void): void => {
      now.add(what)
      if (!this.#said.has(what)) tell()
    }
    for (const member of foreign)
      say(`foreign ${member}`, () =>
        log.error({ cluster, member }, 'a member belongs to another database system and is not used'),
      )
    for (const member of replaced.filter((id) => this.#saysSoStill(id)))
      say(`replaced ${member}`, () =>
        log.error({ cluster, member }, 'a member takes writes though it has been replaced; it is not used'),
      )
    if (untold)
      say('untold', () =>
        log.warn(
          { cluster },
          'which replicas are synchronous is not told to this role, so the primary answers all reads; grant it pg_monitor',
        ),
      )
    this.#said = now
  }
}

/** It is down, or comes up, or goes: each try costs it a process, and others the processor. */
const refuses = ({ answer, failure }: Member): boolean => answer === undefined && failure !== undefined

function sameRoles(one: Roles, other: Roles): boolean {
  return (
    one.primary === other.primary &&
    one.replicas.join() === other.replicas.join() &&
    one.resting.join() === other.resting.join() &&
    one.base?.lsn === other.base?.lsn &&
    one.timeline === other.timeline
  )
}
