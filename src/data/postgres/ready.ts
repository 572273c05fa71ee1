import type { Clock } from '../../core/clock.ts'
import type { Logger } from '../../core/log.ts'
import type { DatabaseAddress } from './address.ts'
import { connect } from './database.ts'
import { PostgresFailed, PostgresSilent, PostgresStartTimeout } from './errors.ts'
import { explainFailure } from './failure.ts'
import type { Postmaster } from './launch.ts'
import { logTail } from './log-file.ts'
import { readPostmasterFile } from './postmaster-file.ts'
import { fallsSilent } from './silence.ts'
import { socketPath } from './socket.ts'

const POLL_MS = 4
const PROGRESS_MS = 1_000

/** What a server says about itself. */
export interface ServerFacts {
  readonly version: string
  readonly systemIdentifier: string
}

export interface Waiting {
  readonly postmaster: Postmaster
  readonly dataDir: string
  readonly address: DatabaseAddress
  readonly logFile: string
  readonly logFrom: number
  readonly timeoutMs: number
  readonly clock: Clock
  readonly log: Logger
  readonly signal: AbortSignal
}

/** Waits until the server says it is ready and a fresh connection proves it. @throws PostgresSilent when it answers nothing */
export async function waitUntilReady(waiting: Waiting): Promise<ServerFacts> {
  const over = new AbortController()
  const signal = AbortSignal.any([waiting.signal, over.signal])
  try {
    return await Promise.race([untilReady({ ...waiting, signal }), untilSilent({ ...waiting, signal })])
  } finally {
    over.abort()
  }
}

async function untilSilent({ address, postmaster, dataDir, ...waiting }: Waiting): Promise<never> {
  const begun = (): boolean => {
    const file = readPostmasterFile(dataDir)
    return file?.pid === postmaster.identity.pid && file.status !== 'unknown'
  }
  const ms = await fallsSilent(socketPath(address.socketDir, address.port), begun, waiting)
  throw new PostgresSilent(Math.round(ms / 1000), logTail(waiting.logFile, waiting.logFrom))
}

async function untilReady(waiting: Waiting): Promise<ServerFacts> {
  const { postmaster, clock, signal, dataDir } = waiting
  const started = clock.monotonic()
  let ended: string | undefined
  void postmaster.gone.then(({ code, signal: by }) => {
    ended = `postgres ended with ${by ?? `code ${code ?? 'unknown'}`} while starting.`
  })
  let nextProgress = PROGRESS_MS
  for (;;) {
    signal.throwIfAborted()
    if (ended !== undefined) throw explainFailure(dataDir, logTail(waiting.logFile, waiting.logFrom), ended)
    const file = readPostmasterFile(dataDir)
    if (file?.pid === postmaster.identity.pid && (file.status === 'ready' || file.status === 'standby')) {
      const facts = await ask(waiting)
      if (facts !== undefined) return facts
    }
    const elapsed = clock.monotonic() - started
    if (elapsed > waiting.timeoutMs)
      throw new PostgresStartTimeout(
        Math.round(waiting.timeoutMs / 1000),
        logTail(waiting.logFile, waiting.logFrom),
      )
    if (elapsed > nextProgress) {
      waiting.log.info(
        { elapsedMs: Math.round(elapsed), status: file?.status ?? 'starting' },
        'PostgreSQL is starting (after a crash it first replays its log)',
      )
      nextProgress *= 3
    }
    await clock.sleep(POLL_MS, { signal })
  }
}

/** Not ready yet, although the file says so; or no place for us at the moment. */
const TRANSIENT = new Set(['57P03', '53300', 'ECONNREFUSED', 'ECONNRESET', 'ENOENT', 'EPIPE', 'EAGAIN'])

async function ask(waiting: Waiting): Promise<ServerFacts | undefined> {
  try {
    const client = await connect(waiting.address, Math.min(waiting.timeoutMs, 5_000))
    try {
      const { rows } = await client.query<{ version: string; id: string }>(
        `select current_setting('server_version') as version, system_identifier::text as id from pg_control_system()`,
      )
      const row = rows[0]!
      return { version: /^\S+/.exec(row.version)![0], systemIdentifier: row.id }
    } finally {
      await client.end()
    }
  } catch (error) {
    const code = (error as { code?: string }).code
    if (code !== undefined && TRANSIENT.has(code)) return undefined
    if (code === '28P01' || code === '28000')
      throw new PostgresFailed(
        `it refuses the password kept beside ${waiting.dataDir}; was one of them replaced?`,
        '',
        { cause: error },
      )
    // A connection that was accepted and then not answered in time comes without a code: not ready either.
    if (code === undefined && /timeout|terminated/i.test((error as Error).message)) return undefined
    throw error
  }
}
