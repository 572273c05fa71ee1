import { spawn } from 'node:child_process'
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Account } from '../../../src/data/postgres/account.ts'
import { type ProcessIdentity, processesIn, signal } from '../../../src/data/postgres/process.ts'
import { until } from '../kit/deadline.ts'
import { processesBelow } from './processes.ts'
import type { MemberPlace } from './settings.ts'

/** What of a member is struck: its PostgreSQL, its Patroni, or both, as when the machine is lost. */
export type Part = 'postgres' | 'patroni' | 'both'

/** Milliseconds that a member may take to answer; a stopped one never does. */
const ANSWER_MS = 1_000

/** One member of the cluster: a Patroni and the PostgreSQL that it keeps. */
export class Member {
  readonly place: MemberPlace
  readonly #program: string
  readonly #account: Account

  constructor(place: MemberPlace, program: string, account: Account) {
    this.place = place
    this.#program = program
    this.#account = account
  }

  /** Starts Patroni, as whoever runs services does after its end; nothing when it runs. */
  start(): void {
    // One that was killed has left its folder before its id is free: by the id it would seem to run still.
    if (this.#processes('patroni').length > 0) return
    const { dir } = this.place
    const log = openSync(join(dir, 'patroni.log'), 'a')
    const child = spawn(this.#program, [join(dir, 'patroni.yml')], {
      cwd: dir,
      env: { PATH: process.env.PATH, LC_ALL: 'C.UTF-8', HOME: dir },
      stdio: ['ignore', log, log],
      detached: true,
      ...(this.#account.steppedDown && { uid: this.#account.uid, gid: this.#account.gid }),
    })
    closeSync(log)
    child.unref()
  }

  /** Asks Patroni's REST API. Undefined when there is no answer. */
  async ask(path: string, body?: object): Promise<{ status: number; text: string } | undefined> {
    try {
      const answer = await fetch(`http://127.0.0.1:${this.place.restPort}${path}`, {
        ...(body && { method: 'POST', body: JSON.stringify(body) }),
        // What has a body is done before it is answered.
        ...(!body && { signal: AbortSignal.timeout(ANSWER_MS) }),
      })
      return { status: answer.status, text: await answer.text() }
    } catch {
      return undefined
    }
  }

  /** Whether it holds the leader's key and takes writes. */
  async leads(): Promise<boolean> {
    return (await this.ask('/primary'))?.status === 200
  }

  /** Signals all processes of a part at once, Patroni first: it would start its PostgreSQL again. */
  strike(part: Part, name: NodeJS.Signals): void {
    for (const identity of this.#processes(part)) signal(identity, name)
  }

  /** SIGKILL, also for what a dying process has just started. */
  async kill(part: Part): Promise<void> {
    await until(`the end of ${this.place.name}`, () => {
      this.strike(part, 'SIGKILL')
      return this.#processes(part).length === 0 ? true : undefined
    })
  }

  /** The end of what it has logged, for a failure's message. */
  logTail(): string {
    const file = join(this.place.dir, 'patroni.log')
    return existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(-15).join('\n') : ''
  }

  #processes(part: Part): ProcessIdentity[] {
    const postgres = processesIn(this.place.dataDir)
    if (part === 'postgres') return postgres
    const own = new Set(postgres.map(({ pid }) => pid))
    const patroni = processesBelow(this.place.dir).filter(({ pid }) => !own.has(pid))
    return part === 'patroni' ? patroni : [...patroni, ...postgres]
  }
}
