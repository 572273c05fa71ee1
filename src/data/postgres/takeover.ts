import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '../../core/clock.ts'
import type { Logger } from '../../core/log.ts'
import { clearLeftovers, endPostmaster, refuseBeside, within } from './end.ts'
import { PostgresSilent, PostgresStartTimeout } from './errors.ts'
import { type Postmaster, watch } from './launch.ts'
import { findRunning, type PostmasterFile } from './postmaster-file.ts'
import { isAlive } from './process.ts'
import { SETTINGS_FILE } from './settings.ts'
import { STOP_MS_MAX, type StopMode } from './types.ts'

/** How long a server that says it is ready may take to answer before it counts as hung. */
export const ANSWER_MS_MAX = 5_000

/** Milliseconds that a start waits for killed processes of an earlier server: it cannot begin before. */
const START_MS_MAX = 3_000

/** What to do about a postmaster that runs on our data folder. Pure. */
export function decideTakeover(
  file: Pick<PostmasterFile, 'status' | 'port' | 'socketDir'>,
  wanted: { readonly port: number; readonly socketDir: string; readonly sameSettings: boolean },
): 'adopt' | 'await its end' | 'restart' {
  if (file.status === 'stopping') return 'await its end'
  if (!wanted.sameSettings || file.port !== wanted.port || file.socketDir !== wanted.socketDir)
    return 'restart'
  return 'adopt'
}

/**
 * Takes over the server that a killed owner left behind. Undefined when nothing runs any more, whatever was there:
 * one that is stopping has stopped, one with other settings was stopped, one that hung was ended.
 * @throws PostgresLingers when somebody was ended and is there yet
 */
export async function takeOver<Facts>(options: {
  readonly dataDir: string
  readonly conf: string
  readonly port: number
  readonly socketDir: string
  readonly clock: Clock
  readonly log: Logger
  readonly signal: AbortSignal
  readonly waitUntilReady: (postmaster: Postmaster, mustAnswerSoon: boolean) => Promise<Facts>
}): Promise<{ postmaster: Postmaster; facts: Facts } | undefined> {
  const { dataDir, clock, log } = options
  for (;;) {
    options.signal.throwIfAborted()
    const running = findRunning(dataDir)
    if (running.postmaster === undefined || running.file === undefined) {
      await clearLeftovers(dataDir, clock, START_MS_MAX)
      refuseBeside(dataDir)
      return undefined
    }
    const postmaster = watch(running.postmaster, clock)
    const { pid } = running.postmaster
    const end = async (mode: StopMode): Promise<void> => {
      await endPostmaster(postmaster, mode, dataDir, clock)
      refuseBeside(dataDir)
    }
    const action = decideTakeover(running.file, {
      ...options,
      sameSettings: currentConf(dataDir) === options.conf,
    })
    if (action === 'await its end') {
      log.info({ pid }, 'PostgreSQL is still stopping; waiting for it')
      if (!(await within(postmaster.gone, STOP_MS_MAX, clock))) await end('immediate')
    } else if (action === 'restart') {
      log.info({ pid }, 'PostgreSQL was left running with other settings; restarting it')
      await end('fast')
    } else {
      try {
        const facts = await options.waitUntilReady(postmaster, running.file.status !== 'starting')
        log.info({ pid }, 'adopted the PostgreSQL that an earlier process left running')
        return { postmaster, facts }
      } catch (error) {
        if (!isAlive(postmaster.identity)) continue // it went away meanwhile: look again
        if (!(error instanceof PostgresStartTimeout || error instanceof PostgresSilent)) throw error
        log.warn({ pid }, 'the PostgreSQL that was left running does not answer; ending it')
        await end('kill')
      }
    }
  }
}

function currentConf(dataDir: string): string | undefined {
  try {
    return readFileSync(join(dataDir, SETTINGS_FILE), 'utf8')
  } catch {
    return undefined
  }
}
