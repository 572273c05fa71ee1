import type { Clock } from '../../core/clock.ts'
import { lifecycle, type Service } from '../../core/lifecycle.ts'
import { identify, signal } from '../postgres/process.ts'
import { decide, type Step } from './decide.ts'
import { ClusterLost, SwitchoverRefused } from './errors.ts'
import { dearest, fitted } from './fitted.ts'
import { Members } from './members.ts'
import type { KeeperOptions } from './options.ts'
import { probe } from './probe.ts'
import { Promotion } from './promotion.ts'
import { type ClusterRecord, newClusterRecord, readClusterRecord, writeClusterRecord } from './record.ts'
import { Repairs } from './repairs.ts'
import type { ClusterTopology } from './topology.ts'
import type { NodeView } from './view.ts'

/** Milliseconds between two looks at a cluster in which nothing happens. */
const TICK_MS = 250
/** The same while it has no primary. */
const URGENT_MS = 5
/** Milliseconds that a switchover waits for the standbys, and between two looks at them. */
const READY_MS_MAX = 10_000
const READY_POLL_MS = 50
/** Pause after a step that failed, in milliseconds. */
const FAILED_MS = 200

/**
 * Keeps a cluster whole: watches its nodes, replaces a lost primary, makes lost standbys anew. It decides by `decide` and
 * `tend`, and does one step after another; what has to be known after its own death is in the record.
 */
export class ClusterKeeper implements Service {
  readonly #options: KeeperOptions
  readonly #members: Members
  /** One change of the number of replicas after another. */
  #scaling: Promise<void> = Promise.resolve()
  readonly #promotion: Promotion
  readonly #repairs: Repairs
  readonly #over = new AbortController()
  readonly #listeners = new Set<(topology: ClusterTopology) => void>()
  readonly #service: Service
  #record: ClusterRecord
  #woken: (() => void) | undefined
  #wakes = 0
  #starting: Promise<void> = Promise.resolve()
  #running: Promise<unknown> = Promise.resolve()
  #serves = Promise.withResolvers<void>()
  readonly #asked: (() => Promise<void>)[] = []
  #said = ''
  #told = ''
  #hasServed = false

  constructor(options: KeeperOptions) {
    this.#options = options
    const first = `${options.name}-pg-1`
    this.#record = {
      ...(readClusterRecord(options.recordFile) ?? newClusterRecord(first)),
      durability: options.durability ?? 'strict',
    }
    this.#members = new Members(options, () => this.wake(), this.#over.signal)
    const shared = {
      options,
      members: this.#members,
      record: () => this.#record,
      save: (record: ClusterRecord, how?: { readonly tellFirst: boolean }) => this.#save(record, how),
      signal: this.#over.signal,
    }
    this.#promotion = new Promotion(shared)
    this.#repairs = new Repairs(shared)
    this.#over.signal.addEventListener('abort', () => {
      this.#serves.reject(this.#over.signal.reason)
      this.wake()
    })
    this.#serves.promise.catch(() => {})
    this.#service = lifecycle(
      () => this.#start(),
      () => this.#stop(),
    )
  }

  /** Resolves when the primary serves and a commit is acknowledged. */
  start(): Promise<void> {
    this.#starting = this.#service.start()
    return this.#starting
  }

  /** Ends every node, the primary first: its standbys still get the last of its log. */
  stop(): Promise<void> {
    this.#over.abort()
    return this.#service.stop()
  }

  /** Ends nothing that serves: the nodes go on, and the next keeper adopts them. */
  async leave(): Promise<void> {
    this.#over.abort()
    await this.#starting.catch(() => {})
    await this.#running
    await this.#repairs.settled()
    for (const node of this.#members.all) node.leave()
  }

  /** Whether some of its nodes were started by an earlier keeper. */
  get adopted(): boolean {
    return this.#members.all.some((node) => node.adopted)
  }

  get record(): ClusterRecord {
    return this.#record
  }

  topology(): ClusterTopology {
    const {
      primary,
      epoch,
      synchronous,
      durability,
      nodes,
      named,
      building,
      promoting,
      losses = [],
    } = this.#record
    return {
      epoch,
      primary,
      durability,
      // Whoever finds the next primary before it is accepted knows already what is lost.
      losses: promoting?.lossAt ? [...losses, promoting.lossAt] : losses,
      alone: nodes.length === 1 || (durability === 'available' && named.length === 0),
      members: this.#members.all.map((node) => ({
        id: node.id,
        role: node.id === primary ? 'primary' : 'replica',
        address: node.address,
        synchronous: synchronous.includes(node.id),
        building: building.includes(node.id),
        view: node.view(building.includes(node.id)),
        pid: node.pid,
        startedAt: node.startedAt,
      })),
    }
  }

  /**
   * Another node becomes primary, in order: nothing is lost, and the old one goes on as its standby. Waits until all standbys
   * that count are there. @throws SwitchoverRefused when they are not for 10 s
   */
  async switchover(): Promise<void> {
    const { clock } = this.#options
    const until = clock.monotonic() + READY_MS_MAX
    const { epoch } = this.#record
    // A failover meanwhile is as good.
    const handOver = async (): Promise<void> => {
      if (this.#record.epoch === epoch) await this.#promotion.handOver()
    }
    while (this.#record.epoch === epoch) {
      while (!this.#promotion.mayHandOver && clock.monotonic() < until)
        await clock.sleep(READY_POLL_MS, { signal: this.#over.signal })
      try {
        await this.#exclusively(handOver)
        break
      } catch (error) {
        // One may have gone between the look and its turn.
        if (!(error instanceof SwitchoverRefused) || clock.monotonic() >= until) throw error
      }
    }
    await this.#reached(({ epoch: now }) => now > epoch)
  }

  /** Restarts a node; a primary hands over first. Resolves when it runs again. */
  async restart(id: string): Promise<void> {
    const node = this.#members.get(id)
    if (id === this.#record.primary && this.#record.nodes.length > 1) await this.switchover()
    else await this.#exclusively(() => node.stopSoon())
    await this.#reached(({ members }) =>
      members.some((one) => one.id === id && one.view.process === 'running'),
    )
  }

  /**
   * Changes the number of replicas while the primary serves. Resolves when new ones count and old ones are gone, with their
   * data. Without any, commits wait for none.
   */
  async scale(replicas: number): Promise<void> {
    const { replicas: from } = this.#options
    // First of all: a successor goes on with it, where this one is killed in the midst of it.
    await this.#fit(replicas, (record) => ({ ...record, scaled: { from, to: replicas } }))
    await this.#reached(({ members }) =>
      members.every(({ role, synchronous }) => role === 'primary' || synchronous),
    )
  }

  #fit(replicas: number, note: (record: ClusterRecord) => ClusterRecord): Promise<void> {
    this.#scaling = this.#scaling.catch(() => {}).then(() => this.#change(replicas, note))
    return this.#scaling
  }

  async #change(replicas: number, note: (record: ClusterRecord) => ClusterRecord): Promise<void> {
    const { name } = this.#options
    const removed: { readonly erased: Promise<void> }[] = []
    await this.#exclusively(async () => {
      const { scaled } = this.#record
      this.#save(note(this.#record))
      const running = new Set(this.#views().flatMap(({ id, process }) => (process === 'running' ? [id] : [])))
      const extra = dearest(this.#record, (id) => running.has(id)).slice(replicas)
      try {
        for (const id of extra) removed.push(await this.#repairs.remove(id))
      } catch (error) {
        // Whoever asked is told that it failed: then it must not be done later either.
        const { scaled: _, ...present } = this.#record
        this.#save({ ...present, ...(scaled && { scaled }) })
        throw error
      }
      this.#save(fitted(this.#record, { name, replicas }).record)
      this.#repairs.renew()
    })
    // Not within the turn: the primary may be lost meanwhile. Before the next: names are used again.
    await Promise.all(removed.map(({ erased }) => erased))
  }

  /**
   * Breaks something on purpose: `SIGKILL` of the server, or all its processes stopped and continued.
   * @returns false when it does not run
   */
  fault(id: string, what: 'kill' | 'pause' | 'resume'): boolean {
    const node = this.#members.get(id)
    if (what === 'kill') {
      const identity = node.pid === undefined ? undefined : identify(node.pid)
      return identity !== undefined && signal(identity, 'SIGKILL')
    }
    return node.signalAll(what === 'pause' ? 'SIGSTOP' : 'SIGCONT')
  }

  #reached(so: (topology: ClusterTopology) => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = (topology: ClusterTopology): void => {
        if (!so(topology)) return
        end()
        resolve()
      }
      const end = this.onChange(look)
      this.#over.signal.addEventListener('abort', () => reject(this.#over.signal.reason), { once: true })
      look(this.topology())
    })
  }

  /** Called with every change of members, roles and epoch. @returns what ends it */
  onChange(listener: (topology: ClusterTopology) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Something has happened: look now. */
  wake(): void {
    this.#wakes++
    this.#woken?.()
  }

  async #start(): Promise<void> {
    const { clock } = this.#options
    const begun = readClusterRecord(this.#options.recordFile) !== undefined
    const { name, replicas } = this.#options
    const { scaled } = this.#record
    // Whoever asks for the same as before has not asked for another.
    const wanted = scaled?.from === replicas ? scaled.to : replicas
    // Whoever is too many goes when the primary serves: what has to be decided before may depend on it.
    const present = this.#record.nodes.length - 1
    const { record } = fitted(this.#record, { name, replicas: Math.max(wanted, present) })
    this.#record = record
    this.#members.update(record)
    // Without a record there has never been more than the first node: it is made, or opened, and only then recorded.
    if (!begun) await this.#members.start(this.#record.primary, this.#record)
    this.#save(this.#record)
    await this.#members.adopt(this.#record)
    this.#running = Promise.all([
      this.#run(),
      probe(
        () => this.#members.primaryAddress(this.#record),
        (answered) => this.#judge(answered),
        { clock, signal: this.#over.signal },
      ),
    ])
    await this.#serves.promise
    if (present > wanted) await this.#takeOut(wanted)
  }

  /** What the last start wanted and this one does not. The system serves meanwhile. */
  async #takeOut(wanted: number): Promise<void> {
    const { log, name } = this.#options
    try {
      await this.#fit(wanted, (record) => record)
    } catch (err) {
      if (!this.#over.signal.aborted)
        log.warn(
          { cluster: name, wanted, err },
          'replicas that are not wanted could not be taken out; `tenfold scale` does it',
        )
    }
  }

  async #stop(): Promise<void> {
    await this.#running
    await this.#repairs.settled()
    await this.#members.stop(this.#record)
  }

  #judge(answered: boolean): void {
    const primary = this.#members.get(this.#record.primary)
    if (answered) {
      primary.trust()
      return
    }
    this.#options.log.warn({ node: primary.id }, 'the primary answers no fresh connection')
    primary.suspect()
    this.wake()
  }

  /** Does something between two steps, when the primary serves. */
  #exclusively(work: () => Promise<void>): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#asked.push(() => work().then(resolve, reject))
    this.wake()
    return promise
  }

  async #run(): Promise<void> {
    const { clock, log } = this.#options
    while (!this.#over.signal.aborted) {
      const wakes = this.#wakes
      let pauseMs = TICK_MS
      try {
        await this.#members.look()
        const step = decide(this.#record, this.#views(), this.#promotion.failures)
        this.#say(step)
        this.#giveUp(step)
        if (step.do === 'none') {
          await this.#forgetHandover()
          await (this.#asked.shift() ?? (async () => this.#tend()))()
        } else {
          pauseMs = URGENT_MS
          await this.#take(step)
        }
        this.#tell()
      } catch (error) {
        pauseMs = FAILED_MS
        if (!this.#over.signal.aborted)
          log.error(
            { cluster: this.#options.name, err: error },
            'a step of a cluster failed; it is taken again',
          )
      }
      if (wakes === this.#wakes && !this.#over.signal.aborted) await this.#pause(clock, pauseMs)
    }
  }

  /** A start that cannot come to its end says so; whoever has served goes on trying. */
  #giveUp(step: Step): void {
    if (this.#hasServed || this.#options.patient) return
    const { name } = this.#options
    const failureOf = (id: string): unknown => this.#members.get(id).failure
    if (step.do === 'refuse')
      this.#serves.reject(new ClusterLost(name, step.why, { cause: failureOf(this.#record.primary) }))
    else if (step.do === 'wait' && step.hopeless) this.#serves.reject(failureOf(step.hopeless))
  }

  async #pause(clock: Clock, ms: number): Promise<void> {
    const over = new AbortController()
    const woken = new Promise<void>((resolve) => {
      this.#woken = resolve
    })
    await Promise.race([woken, clock.sleep(ms, { signal: over.signal }).catch(() => {})])
    over.abort()
    this.#woken = undefined
  }

  #views(): NodeView[] {
    return this.#members.all.map((node) => node.view(this.#record.building.includes(node.id)))
  }

  async #take(step: Step): Promise<void> {
    switch (step.do) {
      case 'fence':
        await this.#members.get(step.id).stop('kill')
        return this.#promotion.renewed(step.id)
      case 'start':
        await this.#members.start(step.id, this.#record)
        return this.#promotion.renewed(step.id)
      case 'cut':
        return this.#promotion.cut(step.ids)
      case 'promote':
        return this.#promotion.promote(step)
      case 'accept':
        return await this.#promotion.accept(step)
      case 'none':
      case 'wait':
      case 'refuse':
        return
    }
  }

  #tend(): void {
    this.#repairs.tend()
    this.#promotion.forgive()
    this.#hasServed = true
    const { synchronous, nodes, durability } = this.#record
    if (synchronous.length > 0 || nodes.length === 1 || durability === 'available') this.#serves.resolve()
  }

  /** A handover that came to nothing: its successor is a standby still, or has ended, and the primary serves. */
  async #forgetHandover(): Promise<void> {
    const { promoting, ...record } = this.#record
    const successor = this.#members.all.find(({ id }) => id === promoting?.id)
    if (!promoting || (successor?.pid !== undefined && successor.seen?.standby !== true)) return
    await this.#promotion.endFormer(record.primary)
    this.#save(record)
  }

  /** Each thing once. */
  #say(step: Step): void {
    const text = JSON.stringify(step)
    if (text === this.#said) return
    this.#said = text
    const { log, name } = this.#options
    if (step.do === 'refuse')
      log.error(
        { cluster: name, why: step.why },
        'a cluster has no primary, and none can be had without loss',
      )
    else if (step.do === 'start' && !this.#hasServed)
      log.info({ cluster: name, ...step }, 'a cluster is started')
    else if (step.do !== 'none' && step.do !== 'wait')
      log.warn({ cluster: name, ...step }, 'a cluster needs a primary')
  }

  /** @param tellFirst what is written can be found out again, and others wait to hear of it */
  #save(record: ClusterRecord, { tellFirst = false } = {}): void {
    const previous = this.#record
    if (!tellFirst) writeClusterRecord(this.#options.recordFile, record)
    this.#record = record
    this.#members.update(record)
    this.#tell()
    if (tellFirst) this.#write(record, previous)
  }

  #write(record: ClusterRecord, previous: ClusterRecord): void {
    try {
      writeClusterRecord(this.#options.recordFile, record)
    } catch (error) {
      // What is on disk holds: the step is taken again.
      this.#record = previous
      throw error
    }
  }

  #tell(): void {
    const topology = this.topology()
    const text = JSON.stringify([
      topology.epoch,
      topology.primary,
      topology.alone,
      topology.losses,
      topology.members.map(({ id, role, synchronous, view, address }) => [
        id,
        role,
        synchronous,
        view.process,
        address?.socketDir,
      ]),
    ])
    if (text === this.#told) return
    this.#told = text
    for (const listener of this.#listeners) listener(topology)
  }
}
