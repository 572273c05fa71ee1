import { readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { systemClock, type Timer } from '../../core/clock.ts'
import { chooseAccount } from './account.ts'
import { findBinaries } from './binaries.ts'
import { endPostmaster, killAll } from './end.ts'
import { DataFolderUnknown, PostgresSilent } from './errors.ts'
import { explainFailure, explainSystemError } from './failure.ts'
import { makeFolder, replaceFile } from './files.ts'
import { launch, type Postmaster } from './launch.ts'
import { takeLock } from './lock.ts'
import { logSize, logTail, rotateLog } from './log-file.ts'
import { machineSize } from './machine.ts'
import { type Prepared, prepareFolder } from './prepare.ts'
import { signal as kill } from './process.ts'
import { type ServerFacts, waitUntilReady } from './ready.ts'
import { makeRecordDir, writeRecord } from './record.ts'
import { REPLICATION_FILE, type RenderedSettings, renderSettings, SETTINGS_FILE } from './settings.ts'
import { defaultMemoryMb, sizeSettings } from './sizing.ts'
import { discardSocketDir, SOCKET_PORT, sweepSocket } from './socket.ts'
import { step } from './state.ts'
import { ANSWER_MS_MAX, takeOver } from './takeover.ts'
import {
  type ExitInfo,
  type PostgresOptions,
  type PostgresServer,
  type PostgresState,
  START_MS_MAX,
  type StopMode,
  SUPERUSER,
} from './types.ts'

const ROTATE_MS = 60_000

/** Makes a server for one data folder; nothing happens before `start`. */
export function createPostgres(options: PostgresOptions): PostgresServer {
  return new EmbeddedPostgres(options)
}

class EmbeddedPostgres implements PostgresServer {
  readonly #options: PostgresOptions
  readonly #dataDir: string
  readonly #clock
  readonly #abort = new AbortController()
  readonly #exit = Promise.withResolvers<ExitInfo>()
  #state: PostgresState = 'absent'
  #starting: Promise<void> | undefined
  #stopping: Promise<void> | undefined
  #lock: { release(): void } | undefined
  #prepared: Prepared | undefined
  #postmaster: Postmaster | undefined
  #rotation: Timer | undefined
  #logFrom = 0
  version = ''
  startedAt = 0
  adopted = false
  readonly port: number
  readonly user = SUPERUSER
  readonly exited = this.#exit.promise

  constructor(options: PostgresOptions) {
    this.#options = options
    this.#dataDir = resolve(options.dataDir)
    this.#clock = options.clock ?? systemClock
    this.port = options.listen?.port ?? SOCKET_PORT
  }

  get state(): PostgresState {
    return this.#state
  }
  get pid(): number | undefined {
    return this.#state === 'running' ? this.#postmaster?.identity.pid : undefined
  }
  get socketDir(): string {
    return this.#prepared?.socketDir ?? ''
  }
  get password(): string {
    return this.#prepared?.password ?? ''
  }
  get created(): boolean {
    return this.#prepared?.created ?? false
  }

  start(): Promise<void> {
    if (this.#stopping !== undefined)
      return Promise.reject(new Error('This PostgreSQL server was stopped; make a new one.'))
    this.#starting ??= this.#startOrUndo()
    return this.#starting
  }

  reload(conf: string): void {
    if (this.#state !== 'running' || this.#postmaster === undefined)
      throw new Error('This PostgreSQL server does not run')
    replaceFile(join(this.#dataDir, REPLICATION_FILE), conf, { owner: chooseAccount(this.#dataDir) })
    kill(this.#postmaster.identity, 'SIGHUP')
  }

  leave(): void {
    this.#rotation?.cancel()
    this.#lock?.release()
    this.#lock = undefined
  }

  stop({ mode = 'fast' }: { readonly mode?: StopMode } = {}): Promise<void> {
    this.#abort.abort(new DOMException('The server is being stopped', 'AbortError'))
    // The second Ctrl-C: whoever waits for a fast stop is no longer willing to.
    if (this.#stopping !== undefined && mode !== 'fast' && this.#postmaster !== undefined)
      this.#hurry(this.#postmaster, mode)
    this.#stopping ??= (this.#starting ?? Promise.resolve()).catch(() => {}).then(() => this.#end(mode))
    return this.#stopping
  }

  #hurry({ identity }: Postmaster, mode: StopMode): void {
    if (mode !== 'kill') kill(identity, 'SIGQUIT')
    // Once it has stopped, what runs there is another's.
    else if (this.#state !== 'stopped') killAll(this.#dataDir)
  }

  async #startOrUndo(): Promise<void> {
    try {
      await this.#start()
    } catch (error) {
      // Who answers nothing would not obey either.
      await this.#end(error instanceof PostgresSilent ? 'kill' : 'immediate')
      throw explainSystemError(error, this.#dataDir)
    }
  }

  async #start(): Promise<void> {
    const outer = this.#options.signal
    const signal = outer === undefined ? this.#abort.signal : AbortSignal.any([outer, this.#abort.signal])
    signal.throwIfAborted()
    const account = chooseAccount(this.#dataDir)
    const machine = machineSize()
    const sized = sizeSettings({
      cpu: this.#options.cpu ?? machine.cpu,
      memoryMb: this.#options.memoryMb ?? defaultMemoryMb(machine.memoryMb),
    })
    makeFolder(dirname(this.#dataDir))
    this.#lock = takeLock(makeRecordDir(this.#dataDir), this.#dataDir)
    const binaries = await findBinaries({ pgBin: this.#options.pgBin, account, signal })
    this.#prepared = await prepareFolder({
      dataDir: this.#dataDir,
      runDir: resolve(this.#options.runDir),
      port: this.port,
      account,
      binaries,
      signal,
      mayInitialise: this.#options.replication?.standby !== true,
      onInitialise: () => this.#enter('initialising'),
    })
    const rendered = renderSettings({
      major: binaries.major,
      sized,
      pinned: this.#pinned(),
      asked: this.#options.settings ?? {},
      origin: `${binaries.dir} ${binaries.version}`,
    })
    this.#rotateLog()
    this.#logFrom = logSize(this.#options.logFile)
    const facts =
      (await this.#adopt(rendered, signal)) ?? (await this.#launch(rendered, { account, binaries }, signal))
    this.#running(facts)
  }

  #pinned(): Record<string, string> {
    const { listen } = this.#options
    return {
      port: String(this.port),
      unix_socket_directories: this.socketDir,
      ...(listen !== undefined && { listen_addresses: listen.host }),
    }
  }

  async #adopt(rendered: RenderedSettings, signal: AbortSignal): Promise<ServerFacts | undefined> {
    const taken = await takeOver({
      dataDir: this.#dataDir,
      conf: rendered.conf,
      port: this.port,
      socketDir: this.socketDir,
      clock: this.#clock,
      log: this.#options.log,
      signal,
      waitUntilReady: (postmaster, mustAnswerSoon) =>
        this.#wait(postmaster, signal, mustAnswerSoon ? ANSWER_MS_MAX : undefined),
    })
    if (taken === undefined) return undefined
    this.#postmaster = taken.postmaster
    this.adopted = true
    return taken.facts
  }

  async #launch(
    rendered: RenderedSettings,
    { account, binaries }: { account: ReturnType<typeof chooseAccount>; binaries: { dir: string } },
    signal: AbortSignal,
  ): Promise<ServerFacts> {
    if (this.#options.adoptOnly === true) throw new Error(`No server runs on ${this.#dataDir}`)
    this.#enter('starting')
    const conf = join(this.#dataDir, SETTINGS_FILE)
    if (readOptional(conf) !== rendered.conf) replaceFile(conf, rendered.conf, { owner: account })
    const { replication } = this.#options
    const owner = { owner: account }
    if (replication !== undefined) replaceFile(join(this.#dataDir, REPLICATION_FILE), replication.conf, owner)
    if (replication?.standby === true) replaceFile(join(this.#dataDir, 'standby.signal'), '', owner)
    sweepSocket(this.socketDir, this.port, this.#dataDir)
    this.#postmaster = await launch({
      binDir: binaries.dir,
      dataDir: this.#dataDir,
      flags: rendered.flags,
      account,
      logFile: this.#options.logFile,
    })
    return this.#wait(this.#postmaster, signal)
  }

  #wait(
    postmaster: Postmaster,
    signal: AbortSignal,
    timeoutMs = this.#options.startTimeoutMs ?? START_MS_MAX,
  ): Promise<ServerFacts> {
    return waitUntilReady({
      postmaster,
      dataDir: this.#dataDir,
      address: this,
      logFile: this.#options.logFile,
      logFrom: this.#logFrom,
      timeoutMs,
      clock: this.#clock,
      log: this.#options.log,
      signal,
    })
  }

  #running(facts: ServerFacts): void {
    const postmaster = this.#postmaster!
    const { record } = this.#prepared!
    if (record.systemIdentifier !== undefined && record.systemIdentifier !== facts.systemIdentifier)
      throw new DataFolderUnknown(
        `The data folder ${this.#dataDir} holds another database than the record beside it describes.`,
        'One of the two was replaced. Put both back from the same backup, or use another folder with --data DIR.',
      )
    if (record.state !== 'ready')
      writeRecord(this.#dataDir, { ...record, state: 'ready', systemIdentifier: facts.systemIdentifier })
    this.version = facts.version
    this.startedAt = this.#clock.now()
    this.#enter('running')
    this.#watchLog()
    void postmaster.gone.then(({ code, signal }) => {
      const expected = this.#stopping !== undefined
      const tail = logTail(this.#options.logFile, this.#logFrom)
      if (!expected) this.#enter('crashed')
      if (!expected)
        this.#options.log.error({ pid: postmaster.identity.pid, code, signal }, 'PostgreSQL ended by itself')
      const how = `postgres ended with ${signal ?? (code === null ? 'no word' : `code ${code}`)}.`
      const reason = expected ? undefined : explainFailure(this.#dataDir, tail, how)
      this.#exit.resolve({ pid: postmaster.identity.pid, expected, code, signal, reason, logTail: tail })
    })
  }

  async #end(mode: StopMode): Promise<void> {
    if (this.#state === 'stopped') return
    if (this.#state !== 'stopping') this.#enter('stopping')
    this.#rotation?.cancel()
    try {
      if (this.#postmaster !== undefined)
        await endPostmaster(this.#postmaster, mode, this.#dataDir, this.#clock)
      discardSocketDir(this.socketDir, resolve(this.#options.runDir))
    } finally {
      this.#lock?.release()
      this.#lock = undefined
      this.#enter('stopped')
    }
  }

  #watchLog(): void {
    this.#rotation = this.#clock.timer(ROTATE_MS, () => {
      this.#rotateLog()
      this.#watchLog()
    })
  }

  /** A log that cannot be rotated, as on a full disk, is no reason to go without a server. */
  #rotateLog(): void {
    try {
      rotateLog(this.#options.logFile)
    } catch (error) {
      this.#options.log.warn({ error: String(error) }, 'could not rotate the log of PostgreSQL')
    }
  }

  #enter(state: PostgresState): void {
    this.#state = step(this.#state, state)
  }
}

function readOptional(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
