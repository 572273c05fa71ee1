import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import type { Clock } from '../../core/clock.ts'
import { lifecycle, type Service } from '../../core/lifecycle.ts'
import type { Logger } from '../../core/log.ts'
import type { NodeState } from '../../core/topology.ts'
import { within } from '../../data/postgres/end.ts'
import { watch } from '../../data/postgres/launch.ts'
import { identify, type ProcessIdentity, signal } from '../../data/postgres/process.ts'
import { backoff } from '../backoff.ts'
import { RestartFailed, ServerDied } from '../errors.ts'
import { NodeFailed } from '../node-failed.ts'
import { type Pulse, watchPulse } from '../pulse.ts'
import type { Left } from '../server-part.ts'
import { sizeServer } from '../sizing.ts'
import { endNode, NODE_STOP_MS_MAX } from './end-node.ts'
import type { NodeReport, NodeRequest, Topology } from './messages.ts'
import { NodeLink } from './node-link.ts'
import { forgetNode, noteNode, readNode } from './node-notes.ts'
import { nodeSocketPath } from './node-socket.ts'

/** See there. */
const PRELOAD = `--require=${fileURLToPath(new URL('../async-context.cjs', import.meta.url))}`
/** Deaths without a word, before it has ever served, after which a start is given up: what kills it will do so again. */
const DEATHS_MAX = 3

export interface NodeProcessOptions {
  readonly request: NodeRequest
  /** The module that a node's process runs. */
  readonly entry: string
  readonly log: Logger
  readonly clock: Clock
  /** A start that fails is no reason to say so: it is tried again. */
  readonly patient: boolean
  /** Called with the first report of a process that an earlier supervisor has started. */
  readonly onFound: (report: NodeReport) => void
  /** Called with each of its reports. */
  readonly onReport: (report: NodeReport) => void
}

/** One run of the process. */
interface Run {
  readonly identity: ProcessIdentity
  readonly gone: Promise<unknown>
  readonly link: NodeLink
  readonly since: number
  readonly startedAt: number
  readonly adopted: boolean
  report: NodeReport | undefined
  pulse: Pulse | undefined
  /** It was told to end. */
  ending: boolean
  readonly onHealthy: (() => void)[]
}

/**
 * A node with a process of its own: started, started again with backoff when it ends, replaced when it answers nothing any
 * more. It outlives us; the next supervisor adopts it.
 */
export class NodeProcess implements Service {
  readonly id: string
  readonly #options: NodeProcessOptions
  readonly #service: Service
  readonly #fingerprint: string
  readonly #ready = Promise.withResolvers<NodeReport>()
  #request: NodeRequest
  #topology: Topology | undefined
  #run: Run | undefined
  /** The next run; none when this stops before. */
  #next = Promise.withResolvers<Run | undefined>()
  #stopping = false
  #repairing: Promise<void> = Promise.resolve()
  #waitMs: number | undefined
  #deaths = 0
  #left: Left = 'nothing'

  constructor(options: NodeProcessOptions) {
    this.#options = options
    this.#request = options.request
    this.id = options.request.id
    // Which free port it took is no setting.
    const settings = JSON.stringify({ ...options.request, port: undefined })
    this.#fingerprint = createHash('sha256').update(settings).digest('hex').slice(0, 16)
    this.#ready.promise.catch(() => {})
    this.#service = lifecycle(
      () => this.#start(),
      () => this.#stop(),
    )
  }

  get tier(): NodeRequest['tier'] {
    return this.#request.tier
  }
  get pid(): number | null {
    return this.#run?.identity.pid ?? null
  }
  get state(): NodeState {
    return this.#run?.report?.state ?? (this.#run === undefined ? 'down' : 'starting')
  }
  /** Whether its process was started by an earlier supervisor. */
  get adopted(): boolean {
    return this.#run?.adopted === true
  }
  get report(): NodeReport | undefined {
    return this.#run?.report
  }
  /** Milliseconds since the epoch; 0 while there is none. */
  get startedAt(): number {
    return this.#run?.startedAt ?? 0
  }

  /** Resolves when its process is there; see {@link ready}. */
  start(): Promise<void> {
    return this.#service.start()
  }

  /** A process that is left goes on, and the next supervisor adopts it. */
  stop(left: Left = 'nothing'): Promise<void> {
    this.#left = left
    return this.#service.stop()
  }

  /** Resolves with its first report that says it serves. @throws NodeFailed, or ServerDied, when its first start fails */
  ready(): Promise<NodeReport> {
    return this.#ready.promise
  }

  /** Rejects as {@link ready} does, and never resolves. */
  failed(): Promise<never> {
    return this.#ready.promise.then(() => new Promise<never>(() => {}))
  }

  /** From now on, and for each process that follows. */
  tell(topology: Topology): void {
    this.#topology = topology
    this.#run?.link.tell({ type: 'topology', topology })
  }

  renew(): void {
    this.#run?.link.tell({ type: 'renew' })
  }

  ask(method: string, path: string, ms?: number) {
    return this.#run?.link.ask(method, path, ms) ?? Promise.resolve(undefined)
  }

  /** Ends what is still running there at once; a stop that waits for it goes on. */
  hurry(): void {
    this.#run?.link.tell({ type: 'stop', fast: true })
  }

  /** Sends it a signal, e.g. to break it on purpose. */
  signal(name: NodeJS.Signals): boolean {
    return this.#run !== undefined && signal(this.#run.identity, name)
  }

  /** In order, and then again. @throws RestartFailed when its new process ends before it serves */
  async restart(): Promise<void> {
    const before = this.#run
    const next = this.#next.promise
    if (before !== undefined) await this.#end(before)
    const run = await next
    if (run === undefined || run.report?.state === 'healthy') return
    const healthy = new Promise<void>((resolve) => run.onHealthy.push(resolve))
    const gone = run.gone.then(async () => {
      await run.link.ended()
      throw new RestartFailed(this.id, run.report?.failure?.text)
    })
    gone.catch(() => {}) // it may end long after
    await Promise.race([healthy, gone])
  }

  async #start(): Promise<void> {
    const { start } = this.#request
    const note = readNode(start.stateFolder, this.id)
    if (note !== undefined && note.fingerprint === this.#fingerprint) {
      // It may hang already, and say nothing.
      const { gone } = watch(note, this.#options.clock)
      this.#guard(this.#watch({ identity: note, gone, startedAt: note.startedAt, adopted: true }))
      return
    }
    // Started with other settings, e.g. by another version.
    if (note !== undefined) await endNode(note, this.#options.clock)
    await this.#spawn()
  }

  async #spawn(): Promise<void> {
    const { entry, clock } = this.#options
    const { start } = this.#request
    const child = spawn(
      process.execPath,
      [...process.execArgv, PRELOAD, ...sizeServer(start).nodeFlags, entry],
      {
        detached: true,
        stdio: ['pipe', 2, 2],
      },
    )
    const gone = new Promise<void>((resolve) => {
      child.once('exit', () => resolve())
      child.once('error', () => resolve())
    })
    await new Promise<void>((resolve, reject) => child.once('spawn', resolve).once('error', reject))
    // A process that dies before it has read says so by its exit.
    child.stdin?.on('error', () => {})
    child.unref()
    const identity = identify(child.pid!) ?? { pid: child.pid!, started: 'gone' }
    const startedAt = clock.now()
    try {
      this.#note(identity, startedAt)
    } catch (error) {
      child.kill('SIGKILL')
      throw error
    }
    // Only now: one that is not noted would never be found again, and ends when nobody tells it anything.
    child.stdin?.end(JSON.stringify(this.#request))
    this.#watch({ identity, gone, startedAt, adopted: false })
  }

  #note({ pid, started }: ProcessIdentity, startedAt: number): void {
    const { start, port } = this.#request
    noteNode(start.stateFolder, this.id, { pid, started, fingerprint: this.#fingerprint, startedAt, port })
  }

  #watch(found: Pick<Run, 'identity' | 'gone' | 'startedAt' | 'adopted'>): Run {
    const { clock, log } = this.#options
    const path = nodeSocketPath(this.#request.start.stateFolder, this.id)
    const link = new NodeLink(path, clock, {
      report: (report) => this.#reported(run, report),
      pong: () => run.pulse?.answered(),
    })
    const run: Run = {
      ...found,
      link,
      since: clock.monotonic(),
      report: undefined,
      pulse: undefined,
      ending: false,
      onHealthy: [],
    }
    this.#run = run
    this.#next.resolve(run)
    this.#next = Promise.withResolvers()
    if (this.#topology !== undefined) link.tell({ type: 'topology', topology: this.#topology })
    void run.gone.then(async () => {
      await link.ended()
      link.close()
      run.pulse?.stop()
      if (this.#run !== run || this.#stopping) return
      if (run.ending) log.info({ node: this.id }, 'a node is started again')
      else {
        const why = run.report?.failure?.text
        log.error({ node: this.id, pid: run.identity.pid, why }, 'a node ended, starting it again')
        if (++this.#deaths === DEATHS_MAX) this.#failed(this.#died())
      }
      this.#repairing = this.#repair(run)
    })
    return run
  }

  /** Of no effect once it has served. */
  #failed(error: Error): void {
    if (!this.#options.patient) this.#ready.reject(error)
  }

  #died(): ServerDied {
    return new ServerDied(
      `The node ${this.id} ended ${DEATHS_MAX} times before it was ready, and did not say why.`,
      `\`tenfold logs --node ${this.id}\` may tell more. Look for \`process.exit\` in what the application imports, and at the memory.`,
    )
  }

  #reported(run: Run, report: NodeReport): void {
    if (this.#run !== run) return
    const before = run.report?.state
    if (run.report === undefined && run.adopted) this.#options.onFound(report)
    run.report = report
    if (report.failure !== undefined) this.#failed(new NodeFailed(report.failure))
    // It listens from its first word on.
    this.#guard(run)
    if (report.state === 'healthy' && before !== 'healthy') {
      // The same port again, also where a free one was taken.
      if (report.port > 0) this.#keepPort(run, report.port)
      this.#ready.resolve(report)
      for (const resolve of run.onHealthy.splice(0)) resolve()
    }
    this.#options.onReport(report)
  }

  /** So does a process that follows; the next supervisor has to know, too. */
  #keepPort(run: Run, port: number): void {
    if (this.#request.port === port) return
    this.#request = { ...this.#request, port }
    try {
      this.#note(run.identity, run.startedAt)
    } catch (error) {
      this.#options.log.error({ node: this.id, err: error }, 'the port of a node cannot be noted')
    }
  }

  /** Ends it when it answers nothing any more. */
  #guard(run: Run): void {
    const { clock, log } = this.#options
    run.pulse ??= watchPulse(
      { clock, request: this.#request.start },
      () => run.link.tell({ type: 'ping' }),
      () => {
        log.error({ node: this.id }, 'a node has answered nothing for too long, ending it')
        signal(run.identity, 'SIGKILL')
      },
    )
  }

  async #repair(run: Run): Promise<void> {
    const { clock, log } = this.#options
    let healthyMs = run.report?.state === 'starting' ? 0 : clock.monotonic() - run.since
    while (!this.#stopping) {
      const wait = backoff(this.#waitMs, healthyMs)
      this.#waitMs = wait.nextMs
      healthyMs = 0
      await clock.sleep(wait.waitMs)
      if (this.#stopping) return
      try {
        await this.#spawn()
        return
      } catch (error) {
        log.error({ node: this.id, err: error }, 'a node cannot be started yet')
      }
    }
  }

  async #stop(): Promise<void> {
    this.#stopping = true
    this.#next.resolve(undefined)
    await this.#repairing
    const run = this.#run
    if (this.#left === 'all' || (this.#left === 'adopted' && run?.adopted !== false)) {
      run?.pulse?.stop()
      run?.link.close()
      return
    }
    if (run !== undefined) await this.#end(run)
    else await this.#endNoted()
    forgetNode(this.#request.start.stateFolder, this.id)
  }

  /** It was stopped before it was started: an earlier supervisor's process would go on. */
  async #endNoted(): Promise<void> {
    const note = readNode(this.#request.start.stateFolder, this.id)
    if (note !== undefined) await endNode(note, this.#options.clock)
  }

  async #end(run: Run): Promise<void> {
    run.ending = true
    run.pulse?.stop()
    run.link.tell({ type: 'stop', fast: false })
    signal(run.identity, 'SIGTERM')
    if (await within(run.gone, NODE_STOP_MS_MAX, this.#options.clock)) return
    signal(run.identity, 'SIGKILL')
    await run.gone
  }
}
