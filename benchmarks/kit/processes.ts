import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'

export const ROOT = join(import.meta.dirname, '..', '..')

/** Milliseconds for a process to say that it is ready, and to end. */
const READY_MS_MAX = 60_000
const STOP_MS_MAX = 30_000

/** A process of our own, in a process group of its own as a terminal would give it. */
export interface Started<Ready> {
  readonly pid: number
  readonly ready: Ready
  /** Sends a signal to the whole group and waits for the end. Idempotent. */
  stop(signal?: NodeJS.Signals): Promise<void>
}

export interface Launch {
  readonly command: string
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>> | undefined
}

/** Starts a process and waits for the first JSON object on its standard output. */
export async function launch<Ready>({ command, args, env }: Launch): Promise<Started<Ready>> {
  const child = spawn(command, args, {
    cwd: ROOT,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  })
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  try {
    const ready = await firstObject<Ready>(child)
    return { pid: child.pid as number, ready, stop: (signal = 'SIGINT') => end(child, ended, signal) }
  } catch (error) {
    await end(child, ended, 'SIGKILL')
    throw error
  }
}

function firstObject<Ready>(child: ChildProcess): Promise<Ready> {
  return new Promise((resolve, reject) => {
    let out = ''
    let err = ''
    const late = setTimeout(() => reject(new Error(`Not ready in time: ${err}`)), READY_MS_MAX)
    child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
      out += chunk
      const found = objectIn(out)
      if (found === undefined) return
      clearTimeout(late)
      resolve(found as Ready)
    })
    child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
      err = (err + chunk).slice(-4000)
    })
    child.once('error', reject)
    child.once('close', (code) => {
      clearTimeout(late)
      reject(new Error(`Ended with ${code} before it was ready: ${err}`))
    })
  })
}

/** npm and others may print lines before it. */
function objectIn(text: string): unknown {
  const start = text.search(/^\{/m)
  if (start < 0) return undefined
  try {
    return JSON.parse(text.slice(start))
  } catch {
    return undefined
  }
}

async function end(child: ChildProcess, ended: Promise<void>, signal: NodeJS.Signals): Promise<void> {
  if (child.pid === undefined) return
  signalGroup(child.pid, signal)
  const force = setTimeout(signalGroup, STOP_MS_MAX, child.pid, 'SIGKILL')
  await ended
  clearTimeout(force)
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}
