import type { Clock } from '../core/clock.ts'
import { explain } from '../core/errors.ts'
import { backoff } from './backoff.ts'
import { AlreadyRunning, ServerDied } from './errors.ts'
import { noteOwner, readOwner } from './owner-notes.ts'
import { launchServer, type ServerEnd, type ServerRun } from './server-run.ts'
import type { Ports, StartRequest, ToGuard } from './start-request.ts'
import { watchSources } from './watch.ts'

/** What the guard needs of the terminal and the process around it. */
export interface GuardOptions {
  readonly request: StartRequest
  /** The module that the server process runs. */
  readonly entry: string
  readonly clock: Clock
  /** Called once, at the first readiness. */
  readonly onReady: (ready: Extract<ToGuard, { type: 'ready' }>) => void
  /** One line for the person who watches. */
  readonly say: (line: string) => void
}

/** Why the guard does not simply wait for its server any more. */
type Interruption = 'stop' | 'fast-stop' | 'change'

/**
 * Keeps one server process running: starts it, starts it again with backoff when it dies, replaces it when sources
 * change, and ends with it when a stop was asked for. It stays small: it imports as little as it can.
 *
 * When the guard is killed the server goes on alone; see server-process.ts.
 */
export class Guard {
  readonly #options: GuardOptions
  readonly #wake = new EventTarget()
  #run: ServerRun | undefined
  #stopping = false
  #replacing = false
  #ready = false
  #ports: Ports | undefined
  #forced = false

  constructor(options: GuardOptions) {
    this.#options = options
  }

  /** Resolves with the exit code when all is over. */
  async run(): Promise<number> {
    const { request } = this.#options
    const owner = readOwner(request.stateFolder)
    const running = owner.server ?? owner.guard
    if (running !== undefined) throw new AlreadyRunning(request.stateFolder, running.pid, owner.url)
    const watcher = request.watch
      ? watchSources(request, this.#options.clock, () => this.#interrupt('change'))
      : undefined
    let waitMs: number | undefined
    let note: { release(): void } | undefined
    try {
      for (;;) {
        const end = await this.#serveOnce(() => {
          note ??= noteOwner(request.stateFolder, 'guard')
        })
        if (this.#stopping || end.stopping) return await this.#stopped(end)
        if (this.#replacing) continue
        this.#report(end)
        if (!this.#ready && !request.watch) return 1
        if (request.watch && end.failure !== undefined) await this.#interrupted()
        else {
          const next = backoff(waitMs, end.healthyMs)
          waitMs = next.nextMs
          await this.#interrupted(next.waitMs)
        }
        if (this.#stopping) return await this.#stopped(end)
      }
    } finally {
      watcher?.close()
      note?.release()
    }
  }

  /** A signal, or a repeated one, which means: faster. */
  stop(): void {
    this.#interrupt(this.#stopping ? 'fast-stop' : 'stop')
  }

  /** SIGHUP while TLS is configured: the certificate's files are read again. */
  renew(): void {
    this.#run?.renew()
  }

  async #serveOnce(onFolder: () => void): Promise<ServerEnd> {
    const { request, entry, clock } = this.#options
    this.#replacing = false
    const startedAt = clock.monotonic()
    this.#run = launchServer({
      request,
      entry,
      clock,
      ports: this.#ports,
      onUnresponsive: () =>
        this.#options.say(
          `the server process has answered nothing for ${request.unresponsiveMs / 1000} s (code that never yields?), ending it`,
        ),
      onForced: (seconds) => {
        this.#forced = true
        this.#options.say(
          `the stop took more than ${seconds} s and is ended by force; what still runs is found by the next start`,
        )
      },
      onReady: (message) => {
        onFolder()
        this.#ports = message.ports
        if (!this.#ready) this.#options.onReady(message)
        else this.#options.say(`ready again after ${Math.round(clock.monotonic() - startedAt)} ms`)
        this.#ready = true
      },
    })
    if (this.#stopping) this.#run.stop({ fast: false, keepPostgres: false })
    const end = await this.#run.ended
    this.#run = undefined
    return end
  }

  /** A stop was asked for: what a server that has not done it itself has left is ended from here. */
  async #stopped(end: ServerEnd): Promise<number> {
    if (this.#forced) return 1
    if (end.stopping && end.code !== null) return end.code === 0 ? 0 : 1
    const { request, clock, say } = this.#options
    try {
      const { endLeftRunning } = await import('./left-running.ts')
      await endLeftRunning(request.stateFolder, clock)
      return 0
    } catch (error) {
      say(`not everything could be stopped, and is found by the next start: ${explain(error)}`)
      return 1
    }
  }

  #interrupt(why: Interruption): void {
    if (why === 'change') {
      if (this.#stopping || this.#replacing) return
      this.#replacing = this.#run !== undefined
      if (this.#run !== undefined) this.#options.say('sources changed, starting again')
      this.#run?.stop({ fast: true, keepPostgres: true })
    } else {
      this.#stopping = true
      this.#run?.stop({ fast: why === 'fast-stop', keepPostgres: false })
    }
    this.#wake.dispatchEvent(new Event('wake'))
  }

  /** Waits for a signal or a change, at most `ms` when given. */
  async #interrupted(ms?: number): Promise<void> {
    if (this.#stopping) return
    const over = new AbortController()
    const woken = new Promise<void>((resolve) => {
      this.#wake.addEventListener('wake', () => resolve(), { once: true, signal: over.signal })
    })
    const forever = this.#options.clock.sleep(ms ?? 2 ** 31 - 1, { signal: over.signal }).catch(() => {})
    await Promise.race([woken, forever])
    over.abort()
  }

  #report(end: ServerEnd): void {
    const how = end.signal ?? `code ${end.code ?? 'unknown'}`
    const { failure } = end
    const { say, request } = this.#options
    if (failure !== undefined) say((request.debug && failure.stack) || failure.text)
    else if (this.#ready) say(`the server process ended (${how}), starting again`)
    else
      say(
        explain(
          new ServerDied(
            `The server process ended before it was ready (${how}).`,
            `See \`tenfold logs --data ${request.stateFolder}\`, and start again with --debug.`,
          ),
        ),
      )
    if (failure !== undefined && request.watch) say('waiting for the next change')
  }
}
