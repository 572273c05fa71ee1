import { randomBytes } from 'node:crypto'
import { chmodSync, chownSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { join } from 'node:path'
import pg from 'pg'
import type { ConnectionOptions } from '../../../src/data/client/types.ts'
import { chooseAccount } from '../../../src/data/postgres/account.ts'
import { until } from '../kit/deadline.ts'
import { testFolder } from '../kit/folder.ts'
import { startEtcd } from './etcd.ts'
import { Member, type Part } from './member.ts'
import { guardFolder, killBelow } from './processes.ts'
import type { Programs } from './programs.ts'
import { HASTY, type MemberPlace, memberConfig, type Secrets, type Tuning } from './settings.ts'

/** Milliseconds for Patroni to come up, or to become whole again, with the slowest settings on a busy machine. */
const WHOLE_MS = 180_000
/** Milliseconds between two looks: Patroni's answers cost it a thread each, and it has other things to do. */
const PACE_MS = 100
const DATABASE = 'app'

export interface PatroniOptions {
  readonly programs: Programs
  /** @defaultValue {@link HASTY} */
  readonly tuning?: Tuning
  /** Members, one of them primary. @defaultValue 3 */
  readonly members?: number
  /** Where to put its folder; it is removed at the end. @defaultValue in memory where there is room */
  readonly dir?: string
}

export interface Frozen {
  readonly member: number
  thaw(): void
  /** SIGKILL instead, as an operator does who makes sure. */
  kill(): Promise<void>
}

/** One etcd and a Patroni cluster of PostgreSQL, synchronous and strict. */
export interface PatroniCluster {
  /** The application's database on each member, with a role that owns it and is no more. */
  readonly urls: readonly string[]
  /** The same, for `pg`. */
  readonly connections: readonly ConnectionOptions[]
  /** The superuser's way to the application's database. */
  readonly adminConnections: readonly ConnectionOptions[]
  /** Makes an empty database for the application's role; the way to it on each member. */
  create(database: string): Promise<readonly ConnectionOptions[]>
  /** Which member is the primary by Patroni's word; waits until there is one. */
  primary(): Promise<number>
  /** Asks all the time who leads, as a balancer's health checks do, and tells each change; resolves when it asks no more. */
  watch(tell: (primary: number | undefined) => void): () => Promise<void>
  /** Waits until all members follow: one primary, all others streaming, one of them synchronous. */
  whole(): Promise<void>
  /** SIGKILL. Returns whom it hit; Patroni of that member stays away until {@link revive}. @defaultValue both */
  killPrimary(part?: Part): Promise<number>
  /**
   * SIGSTOP. Thawed with its Patroni after its lease is over, a primary of Patroni 3.0.2 may take the lease back from the one
   * that was promoted meanwhile. @defaultValue both
   */
  freezePrimary(part?: Part): Promise<Frozen>
  /** Starts a killed member's Patroni. */
  revive(member: number): void
  /** Hands over to the synchronous standby, as an operator would; resolves with the new primary. */
  switchover(): Promise<number>
  /** Restarts the primary's PostgreSQL in order, as an operator would. */
  restart(): Promise<void>
  /** Ends everything and removes it. */
  stop(): Promise<void>
}

export async function startPatroni(options: PatroniOptions): Promise<PatroniCluster> {
  const { programs, tuning = HASTY, members: count = 3 } = options
  const dir = options.dir ?? testFolder('tf-patroni-')
  const guard = guardFolder(dir)
  const account = chooseAccount(dir)
  let stopping: Promise<void> | undefined
  const stop = (): Promise<void> =>
    (stopping ??= (async () => {
      await killBelow(dir)
      rmSync(dir, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 })
      await guard.release()
    })())
  try {
    const folder = (name: string): string => {
      const path = join(dir, name)
      mkdirSync(path, { mode: 0o700 })
      if (account.steppedDown) chownSync(path, account.uid, account.gid)
      return path
    }
    chmodSync(dir, 0o711)
    const [etcdPort, peerPort, ...ports] = await freePorts(2 + 2 * count)
    const secrets: Secrets = { superuser: secret(), replication: secret(), app: secret() }
    await startEtcd(programs.etcd, { dir: folder('etcd'), port: etcdPort!, peerPort: peerPort!, account })
    const members = Array.from({ length: count }, (_, at) => {
      const own = folder(`pg-${at + 1}`)
      const place: MemberPlace = {
        name: `pg-${at + 1}`,
        dir: own,
        dataDir: join(own, 'data'),
        postgresPort: ports[2 * at]!,
        restPort: ports[2 * at + 1]!,
      }
      const config = memberConfig(place, { tuning, secrets, etcdPort: etcdPort!, pgBin: programs.pgBin })
      writeFileSync(join(own, 'patroni.yml'), config, { mode: 0o600 })
      if (account.steppedDown) chownSync(join(own, 'patroni.yml'), account.uid, account.gid)
      return new Member(place, programs.patroni, account)
    })
    const cluster = new Cluster(members, secrets, stop)
    await cluster.bootstrap()
    return cluster
  } catch (error) {
    await stop()
    throw error
  }
}

class Cluster implements PatroniCluster {
  readonly connections: readonly ConnectionOptions[]
  readonly adminConnections: readonly ConnectionOptions[]
  readonly urls: readonly string[]
  readonly #stop: () => Promise<void>
  #stopped = false
  readonly #members: readonly Member[]
  readonly #secrets: Secrets

  constructor(members: readonly Member[], secrets: Secrets, stop: () => Promise<void>) {
    this.#members = members
    this.#secrets = secrets
    this.#stop = stop
    const as = (user: string, password: string): ConnectionOptions[] =>
      members.map(({ place }) => ({
        host: '127.0.0.1',
        port: place.postgresPort,
        user,
        password,
        database: DATABASE,
      }))
    this.connections = as(DATABASE, secrets.app)
    this.adminConnections = as('postgres', secrets.superuser)
    this.urls = this.connections.map(
      ({ host, port, user, password, database }) =>
        `postgres://${user}:${password}@${host}:${port}/${database}`,
    )
  }

  /** The first member alone, then the others: they copy it at once instead of waiting for their next look. */
  async bootstrap(): Promise<void> {
    const [first, ...others] = this.#members
    first!.start()
    await this.#eventually('a first primary', async () => ((await first!.leads()) ? true : undefined))
    for (const member of others) member.start()
    // Strict: nothing commits before there is a standby.
    await this.#eventually('the standbys', () => this.#isWhole('postgres'))
    await this.#query(0, 'postgres', `create role ${DATABASE} login password '${this.#secrets.app}'`)
    await this.create(DATABASE)
  }

  async create(database: string): Promise<readonly ConnectionOptions[]> {
    await this.#query(await this.primary(), 'postgres', `create database ${database} owner ${DATABASE}`)
    return this.connections.map((connection) => ({ ...connection, database }))
  }

  stop(): Promise<void> {
    this.#stopped = true
    return this.#stop()
  }

  primary(): Promise<number> {
    return this.#eventually('a primary', () => this.#leader())
  }

  watch(tell: (primary: number | undefined) => void): () => Promise<void> {
    let over = false
    let last: number | undefined
    const watching = until(
      'the end of the watch',
      async () => {
        const now = await this.#leader()
        if (over || this.#stopped) return true
        if (now !== last) tell(now)
        last = now
        return undefined
      },
      Number.POSITIVE_INFINITY,
      PACE_MS,
    )
    return async () => {
      over = true
      await watching
    }
  }

  async whole(): Promise<void> {
    await this.#eventually('all members', () => this.#isWhole(DATABASE))
  }

  async killPrimary(part: Part = 'both'): Promise<number> {
    const at = await this.primary()
    await this.#members[at]!.kill(part)
    return at
  }

  async freezePrimary(part: Part = 'both'): Promise<Frozen> {
    const at = await this.primary()
    const member = this.#members[at]!
    member.strike(part, 'SIGSTOP')
    return { member: at, thaw: () => member.strike(part, 'SIGCONT'), kill: () => member.kill(part) }
  }

  revive(member: number): void {
    this.#members[member]!.start()
  }

  async switchover(): Promise<number> {
    const from = await this.primary()
    const leader = this.#members[from]!
    const candidate = await this.#eventually('a synchronous standby', () => synchronous(leader))
    const answer = await leader.ask('/switchover', { leader: leader.place.name, candidate })
    if (answer?.status !== 200)
      throw new Error(`no switchover: ${answer?.status} ${answer?.text}\n${leader.logTail()}`)
    return this.#eventually('the new primary', async () => {
      const at = await this.#leader()
      return at === from ? undefined : at
    })
  }

  async restart(): Promise<void> {
    const leader = this.#members[await this.primary()]!
    const answer = await leader.ask('/restart', {})
    if (answer?.status !== 200)
      throw new Error(`no restart: ${answer?.status} ${answer?.text}\n${leader.logTail()}`)
  }

  async #leader(): Promise<number | undefined> {
    const leads = await Promise.all(this.#members.map((member) => member.leads()))
    const at = leads.indexOf(true)
    return at < 0 ? undefined : at
  }

  async #isWhole(database: string): Promise<true | undefined> {
    const leader = await this.#leader()
    if (leader === undefined) return undefined
    const rows = await this.#query<{ sync: boolean }>(
      leader,
      database,
      `select sync_state = 'sync' as sync from pg_stat_replication where state = 'streaming'`,
    ).catch(() => [])
    const streaming = rows.length === this.#members.length - 1 && rows.some(({ sync }) => sync)
    return streaming && (await synchronous(this.#members[leader]!)) ? true : undefined
  }

  async #query<Row extends pg.QueryResultRow>(at: number, database: string, sql: string): Promise<Row[]> {
    const client = new pg.Client({ ...this.adminConnections[at]!, database, connectionTimeoutMillis: 2_000 })
    client.on('error', () => {}) // the query that fails says it
    try {
      await client.connect()
      return (await client.query<Row>(sql)).rows
    } finally {
      await client.end().catch(() => {})
    }
  }

  async #eventually<Value>(what: string, ask: () => Promise<Value | undefined>): Promise<Value> {
    try {
      const asked = (): Promise<Value | undefined> => {
        if (this.#stopped) throw new Error(`${what}: the cluster is stopped`)
        return ask()
      }
      return await until(what, asked, WHOLE_MS, PACE_MS)
    } catch (error) {
      const logs = this.#members.map((member) => `${member.place.name}:\n${member.logTail()}`)
      throw new Error(`${(error as Error).message}\n${logs.join('\n')}`, { cause: error })
    }
  }
}

/** The standby that Patroni counts as synchronous, which is a moment after PostgreSQL does. */
async function synchronous(leader: Member): Promise<string | undefined> {
  const answer = await leader.ask('/cluster')
  if (answer?.status !== 200) return undefined
  const { members } = JSON.parse(answer.text) as { members: { name: string; role: string }[] }
  return members.find(({ role }) => role === 'sync_standby')?.name
}

const secret = (): string => randomBytes(18).toString('base64url')

/** Ports that are free now, all different. */
async function freePorts(count: number): Promise<number[]> {
  const probes = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'))
  await Promise.all(probes.map((probe) => new Promise((resolve) => probe.once('listening', resolve))))
  const ports = probes.map((probe) => (probe.address() as AddressInfo).port)
  await Promise.all(probes.map((probe) => new Promise((resolve) => probe.close(resolve))))
  return ports
}
