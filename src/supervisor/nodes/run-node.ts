import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { systemClock } from '../../core/clock.ts'
import { within } from '../../data/postgres/end.ts'
import { failureOf, logUncaught, outliveOutput } from '../last-words.ts'
import { openServerLog } from '../server-log.ts'
import type { Failure } from '../start-request.ts'
import { stateFolder } from '../state-folder.ts'
import type { NodeReport, NodeRequest, Topology } from './messages.ts'
import { openNodeSocket } from './node-socket.ts'
import { createRelayPart } from './relay-node.ts'
import { createWebNode } from './web-node.ts'

/** Milliseconds that a node which cannot start waits for a supervisor, to tell why. */
const HEARD_MS_MAX = 2_000

/** A node's process: reads its request, listens to its supervisor, serves, and resolves with its exit code. */
export async function runNode(): Promise<number> {
  outliveOutput()
  const stop = stopRequests()
  const request = JSON.parse(await text(process.stdin)) as NodeRequest
  const { id, start } = request
  const folder = stateFolder(start.stateFolder)
  const log = openServerLog(join(folder.logs, `${id}.log`), start.logLevel, id)
  logUncaught(log)
  const first = Promise.withResolvers<void>()
  let newest: Topology | undefined
  let state: NodeReport['state'] = 'starting'
  let failure: Failure | undefined
  const make = request.tier === 'relay' ? createRelayPart : createWebNode
  // Whoever waits for it must not hold up a stop.
  const aborted = new Promise<never>((_, reject) =>
    stop.signal.addEventListener('abort', () => reject(stop.signal.reason), { once: true }),
  )
  aborted.catch(() => {})
  const told = async (): Promise<Topology> => {
    await Promise.race([first.promise, aborted])
    return newest as Topology
  }
  const part = make({ request, folder, log, told, signal: stop.signal })
  const report = (): NodeReport => ({
    id,
    state,
    epoch: newest?.epoch ?? 0,
    url: part.url,
    port: part.port,
    app: part.app,
    failure,
  })
  const socket = await openNodeSocket(start.stateFolder, report(), {
    topology: ({ topology }) => {
      if (topology.epoch <= (newest?.epoch ?? 0)) return
      newest = topology
      first.resolve()
      part.topology(topology)
      socket.report(report())
    },
    stop: (fast) => stop.request(fast),
    renew: () => part.renew(),
    ask: (method, path) =>
      path === '/status' ? part.status().then((body) => ({ status: 200, body })) : part.ask(method, path),
  })
  let code = 0
  try {
    await part.start()
    state = 'healthy'
    socket.report(report())
    log.info({ url: part.url }, 'ready')
    await stop.requested
    state = 'draining'
    socket.report(report())
    void stop.again.then(() => part.hurry())
  } catch (error) {
    if (!stop.signal.aborted) {
      code = 1
      failure = failureOf(error, start.debug)
      log.file.error({ err: error }, 'the start failed')
      socket.report(report())
      await within(socket.heard, HEARD_MS_MAX, systemClock)
    }
  }
  await part.stop().catch((error: unknown) => log.error({ err: error }, 'not everything could be stopped'))
  await socket.close()
  log.close()
  return code
}

/** Signals and the supervisor both end here; the second request only hurries the first. */
function stopRequests() {
  const first = Promise.withResolvers<void>()
  const second = Promise.withResolvers<void>()
  const over = new AbortController()
  const request = (fast: boolean): void => {
    if (fast) second.resolve()
    over.abort(new DOMException('A stop was asked for', 'AbortError'))
    first.resolve()
  }
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => request(false))
  return { signal: over.signal, requested: first.promise, again: second.promise, request }
}
