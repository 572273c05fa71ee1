import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import type { TestContext } from 'node:test'
import { ensureStrace, findStrace } from '../../../scripts/strace.js'
import { type ProcessIdentity, processesIn } from '../../../src/data/postgres/process.ts'
import { until, within } from './deadline.ts'

/** Numbers of `fsync` and `fdatasync`, by processor. */
const CALLS: Readonly<Record<string, readonly string[]>> = { x64: ['74', '75'], arm64: ['82', '83'] }

/** Why a test that needs slow syncs is skipped here; false where it is not. CI has to run it, so there the tool is installed. */
export function noSlowSyncs(): string | false {
  if (process.platform !== 'linux' || process.getuid?.() !== 0 || CALLS[process.arch] === undefined)
    return 'needs root on Linux to hold the syncs of a server'
  if (findStrace(process.env) === undefined && process.env.CI) ensureStrace(process.env)
  return findStrace(process.env) === undefined && 'needs strace: npm run test:system -- slow-disk installs it'
}

/** Syncs that take as long as on a disk that is slow, or hangs. */
export interface SlowSyncs {
  /** Resolves when a sync is held. */
  held(): Promise<unknown>
  /** Resolves when syncs are quick again. */
  end(): Promise<void>
}

/**
 * Has each `fsync` and `fdatasync` of the processes of a data folder, and of those that they fork from now on, wait for so long before
 * it begins: to the server it is a disk that is slow. It ends with the test.
 */
export async function slowSyncs(t: TestContext, dataDir: string, ms: number): Promise<SlowSyncs> {
  const pids = processesIn(dataDir).map(({ pid }) => pid)
  const delay = `inject=fsync,fdatasync:delay_enter=${ms * 1_000}`
  const how = ['-f', '-e', 'trace=fsync,fdatasync', '-e', delay, '-e', 'signal=none']
  const which = pids.flatMap((pid) => ['-p', String(pid)])
  const strace = spawn(findStrace(process.env)!, [...how, ...which], { stdio: ['ignore', 'ignore', 'pipe'] })
  const ended = new Promise<void>((resolve) => strace.once('close', () => resolve()))
  const end = async (): Promise<void> => {
    strace.kill('SIGKILL') // to let go in order it would wait for those that it holds
    await ended
  }
  t.after(end)
  const attached = Promise.withResolvers<void>()
  let left = pids.length
  createInterface({ input: strace.stderr }).on('line', (line) => {
    if (/Process \d+ attached/.test(line) && --left === 0) attached.resolve()
  })
  await within(attached.promise, 'strace')
  const isHeld = ({ pid }: ProcessIdentity): boolean =>
    CALLS[process.arch]!.includes(callOf(pid)) && /^State:\s+t/m.test(statusOf(pid))
  const held = () => until('a sync is held', () => processesIn(dataDir).some(isHeld) || undefined)
  return { held, end }
}

/** The number of the call that a process is in. */
const callOf = (pid: number): string => read(`/proc/${pid}/syscall`).split(' ')[0]!
const statusOf = (pid: number): string => read(`/proc/${pid}/status`)

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return '' // it has ended
  }
}
