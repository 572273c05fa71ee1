import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Clock, Timer } from '../core/clock.ts'
import { type Pulse, watchPulse } from './pulse.ts'
import { sizeServer } from './sizing.ts'
import type { Failure, Ports, StartRequest, ToGuard, ToServer } from './start-request.ts'

/** How a server process ended. */
export interface ServerEnd {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  /** It was told to end, by us, by a signal of its own or by `tenfold stop`. */
  readonly stopping: boolean
  readonly failure: Failure | undefined
  /** How long it was ready; 0 when it never was. */
  readonly healthyMs: number
}

/** One run of the server process. */
export interface ServerRun {
  readonly ended: Promise<ServerEnd>
  stop(how: { fast: boolean; keepPostgres: boolean }): void
  /** Has the certificate's files read again. */
  renew(): void
}

/** See there. */
const PRELOAD = `--require=${fileURLToPath(new URL('./async-context.cjs', import.meta.url))}`

/** A stop that takes longer is ended by force; the next start repairs what that leaves. */
const STOP_MS_MAX = 12_000
/** The same with processes of their own: nodes drain, then the relay, then each PostgreSQL, of which one may hang. */
const STAGED_STOP_MS_MAX = 50_000

/**
 * Starts the server process in a process group of its own: a terminal's Ctrl-C goes to a whole group, and the guard
 * passes it on in order. Its output is for people, so it goes to our standard error.
 */
export function launchServer(options: {
  readonly request: StartRequest
  readonly entry: string
  readonly clock: Clock
  readonly ports: Ports | undefined
  /** It answers nothing any more, and is about to be killed. */
  readonly onUnresponsive: () => void
  /** Its stop has taken so many seconds, and it is about to be killed. */
  readonly onForced: (seconds: number) => void
  readonly onReady: (message: Extract<ToGuard, { type: 'ready' }>) => void
}): ServerRun {
  const { clock } = options
  const child = spawn(
    process.execPath,
    [...process.execArgv, PRELOAD, ...sizeServer(options.request).nodeFlags, options.entry],
    { detached: true, stdio: ['ignore', 2, 2, 'ipc'] },
  )
  let readyAt: number | undefined
  let stopping = false
  let failure: Failure | undefined
  let watching: Pulse | undefined
  const ping = (): void => send({ type: 'ping' })
  const unresponsive = (): void => {
    options.onUnresponsive()
    child.kill('SIGKILL')
  }
  child.on('message', (message: ToGuard) => {
    if (message.type === 'ready') {
      readyAt = clock.monotonic()
      options.onReady(message)
      watching = watchPulse(options, ping, unresponsive)
    } else if (message.type === 'pong') watching?.answered()
    else if (message.type === 'failed') failure = message.failure
    else stopping = true
  })
  const ended = new Promise<ServerEnd>((resolve) => {
    const end = (code: number | null, signal: NodeJS.Signals | null): void => {
      watching?.stop()
      resolve({
        code,
        signal,
        stopping,
        failure,
        healthyMs: readyAt === undefined ? 0 : clock.monotonic() - readyAt,
      })
    }
    // `close` comes after the last message was read, `exit` may come before it.
    child.once('close', end)
    child.once('error', (error) => {
      failure ??= { text: `The server process cannot be started: ${error.message}` }
      if (child.pid === undefined) end(null, null)
    })
  })
  const send = (message: ToServer): void => {
    // It may be gone already; then `close` tells.
    if (child.connected) child.send(message, () => {})
  }
  send({ type: 'start', request: options.request, ports: options.ports })
  return {
    ended,
    renew: () => send({ type: 'renew' }),
    stop: (how) => {
      watching?.stop() // the stop has a limit of its own
      send({ type: 'stop', ...how })
      const force = endByForce(child, options)
      void ended.then(() => force.cancel())
    },
  }
}

/** Ends a stop that takes too long. */
function endByForce(
  child: ChildProcess,
  {
    clock,
    request,
    onForced,
  }: { readonly clock: Clock; readonly request: StartRequest; readonly onForced: (seconds: number) => void },
): Timer {
  const ms = request.stage === 'single' ? STOP_MS_MAX : STAGED_STOP_MS_MAX
  return clock.timer(ms, () => {
    onForced(ms / 1_000)
    child.kill('SIGKILL')
  })
}
