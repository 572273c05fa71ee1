import module from 'node:module'
import { systemClock } from '../core/clock.ts'
import { systemRandom } from '../core/random.ts'
import { explainFolderError } from './folder-error.ts'
import { IDLE_TRIM_MS } from './idle-trim.ts'
import { failureOf, logUncaught, outliveOutput } from './last-words.ts'
import { openServerLog, type ServerLog } from './server-log.ts'
import type { ServerOptions, ServerPart, StopHow } from './server-part.ts'
import type { ToGuard, ToServer } from './start-request.ts'
import { openStateFolder } from './state-folder.ts'
import { createSteps } from './steps.ts'
import { trimHeap } from './trim-heap.ts'

/** Everything in this process, or nodes of their own; only what is needed is imported. */
async function makePart(options: ServerOptions): Promise<ServerPart> {
  if (options.request.stage === 'single') {
    const { Single } = await import('./single.ts')
    return new Single(options)
  }
  const { Supervisor } = await import('./supervisor.ts')
  return new Supervisor(options)
}

/**
 * The server process: waits for the guard's request, serves, and resolves with its exit code. When the guard dies
 * it goes on alone; signals and the control socket then end it.
 */
export async function runServer(nodeEntry: string): Promise<number> {
  outliveOutput()
  const stop = stopRequests()
  const { request, ports } = await firstRequest()
  const clock = systemClock
  const steps = createSteps(clock)
  let log: ServerLog | undefined
  let part: ServerPart | undefined
  if (request.tls !== undefined) stop.onRenew(() => part?.renewTls())
  try {
    const folder = openStateFolder(request.stateFolder)
    log = openServerLog(
      folder.serverLog,
      request.logLevel,
      request.stage === 'single' ? 'web-1' : 'supervisor',
    )
    logUncaught(log)
    logGuardGone(log)
    // Nobody has seen this system yet: a first start without a guard is given up, a later one goes on alone.
    const giveUp = (): void => stop.request({ fast: true, keepPostgres: false })
    if (ports === undefined) process.once('disconnect', giveUp)
    part = await makePart({
      request,
      folder,
      ports,
      log,
      clock,
      steps,
      random: systemRandom(),
      signal: stop.signal,
      onStopRequest: () => stop.request({ fast: false, keepPostgres: false }),
      nodeEntry,
    })
    const started = await part.start()
    process.off('disconnect', giveUp)
    // The guard shows them beside the ready line.
    for (const note of started.notes) log.file.warn({}, note)
    log.info({ steps: steps.summary() }, 'ready')
    if (request.debug) process.stderr.write(`start: ${steps.summary()}\n`)
    tell({ type: 'ready', status: await part.status(), ...started })
    keepCompiled()
    // Where it serves itself, that is left to when nobody asks it anything.
    if (request.stage !== 'single') clock.timer(IDLE_TRIM_MS, trimHeap)
  } catch (error) {
    const how = stop.signal.aborted ? await stop.requested : undefined
    const undone = await undo(part, how, log)
    if (how !== undefined && part !== undefined) {
      announce(how)
      return undone ? 0 : 1
    }
    const explained = explainFolderError(error, request.stateFolder)
    log?.file.error({ error: explained }, 'the start failed')
    log?.close()
    tell({ type: 'failed', failure: failureOf(explained, request.debug) })
    return 1
  }
  const how = await stop.requested
  announce(how)
  void stop.again.then(() => part.hurry())
  try {
    await part.stop(how)
    log.info({}, 'stopped')
    return 0
  } catch (error) {
    log.error({ error }, 'not everything could be stopped')
    return 1
  } finally {
    log.close()
  }
}

/** A stop ends everything, also what was there before; a failure ends only what this start has started. */
async function undo(
  part: ServerPart | undefined,
  how: StopHow | undefined,
  log: ServerLog | undefined,
): Promise<boolean> {
  try {
    await (how === undefined ? part?.giveUp() : part?.stop({ ...how, fast: true }))
    return true
  } catch (error) {
    log?.error({ error }, 'cannot undo the start')
    return false
  }
}

/** A guard that is not told takes the end for a death, and starts again. */
function announce({ keepPostgres }: StopHow): void {
  if (!keepPostgres) tell({ type: 'stopping' })
}

function firstRequest(): Promise<Extract<ToServer, { type: 'start' }>> {
  return new Promise((resolve) => {
    process.on('message', (message: ToServer) => {
      if (message.type === 'start') resolve(message)
    })
  })
}

/** Signals, the guard and the control socket all end here; the second request only hurries the first. */
function stopRequests(): {
  readonly signal: AbortSignal
  readonly requested: Promise<StopHow>
  readonly again: Promise<void>
  request(how: StopHow): void
  /** From now on SIGHUP renews instead of stopping. */
  onRenew(renew: () => void): void
} {
  const first = Promise.withResolvers<StopHow>()
  const second = Promise.withResolvers<void>()
  const over = new AbortController()
  const request = (how: StopHow): void => {
    if (over.signal.aborted && how.fast) second.resolve()
    over.abort(new DOMException('A stop was asked for', 'AbortError'))
    first.resolve(how)
  }
  process.on('message', (message: ToServer) => {
    if (message.type === 'stop') request(message)
    if (message.type === 'renew') hangup()
    if (message.type === 'ping') tell({ type: 'pong' })
  })
  const gently = (): void => request({ fast: false, keepPostgres: false })
  let hangup = gently
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, gently)
  process.on('SIGHUP', () => hangup())
  return {
    signal: over.signal,
    requested: first.promise,
    again: second.promise,
    request,
    onRenew: (renew) => {
      hangup = renew
    },
  }
}

function tell(message: ToGuard): void {
  if (process.connected) process.send?.(message, undefined, {}, () => {})
}

function logGuardGone(log: ServerLog): void {
  process.on('disconnect', () =>
    log.warn(
      {},
      'the guard is gone; this process serves on, `tenfold stop` ends it, and nobody starts it again',
    ),
  )
}

/** Compiled code is kept for the next start; at exit it would be too late for a process that is killed. */
function keepCompiled(): void {
  module.flushCompileCache?.()
}
