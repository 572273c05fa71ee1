import { execFile, spawnSync } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { promisify } from 'node:util'
import { endedChildrenCpuUs } from './cpu.ts'

/** What a load was answered with. */
export interface Load {
  readonly requestsPerSecond: number
  readonly requests: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** CPU of the generator, in microseconds for each request. */
  readonly generatorUs: number
}

export interface LoadOptions {
  readonly url: string
  readonly connections: number
  readonly seconds: number
}

export type Generator = 'wrk' | 'autocannon'

const run = promisify(execFile)

/** `wrk` where it is installed (a few microseconds a request), else autocannon. */
export const generator: Generator = spawnSync('wrk', ['--version']).error ? 'autocannon' : 'wrk'
/** Kept to one thread on one processor: it must not take the whole machine from those who answer. */
const pinned =
  process.platform === 'linux' && availableParallelism() > 1 && !spawnSync('taskset', ['--version']).error
const LAST_CPU = String(availableParallelism() - 1)

export const generatorText = `${generator} (one thread${pinned ? ', on one processor' : ''}, keep-alive)`

/** Asks the same URL over and over, then stops by itself. @throws Error when an answer was not 200 */
export async function ask(options: LoadOptions): Promise<Load> {
  const before = endedChildrenCpuUs()
  const result = generator === 'wrk' ? await askByWrk(options) : await askByAutocannon(options)
  return { ...result, generatorUs: (endedChildrenCpuUs() - before) / result.requests }
}

async function execute(command: readonly string[], seconds: number): Promise<string> {
  const [program, ...args] = pinned ? ['taskset', '-c', LAST_CPU, ...command] : command
  const { stdout } = await run(program as string, args, {
    timeout: (seconds + 20) * 1000,
    maxBuffer: 1 << 24,
  })
  return stdout
}

async function askByWrk({ url, connections, seconds }: LoadOptions): Promise<Omit<Load, 'generatorUs'>> {
  const out = await execute(['wrk', '-t1', `-c${connections}`, `-d${seconds}s`, '--latency', url], seconds)
  const failed = /Non-2xx or 3xx responses: \d+|Socket errors: .*/.exec(out)
  if (failed) throw new Error(`${url} failed under load: ${failed[0]}`)
  const value = (pattern: RegExp): string => {
    const found = pattern.exec(out)?.[1]
    if (found === undefined) throw new Error(`wrk said something unexpected: ${out}`)
    return found
  }
  return {
    requestsPerSecond: Number(value(/Requests\/sec:\s+([\d.]+)/)),
    requests: Number(value(/(\d+) requests in/)),
    p50Ms: milliseconds(value(/50%\s+([\d.]+\w+)/)),
    p99Ms: milliseconds(value(/99%\s+([\d.]+\w+)/)),
  }
}

const UNIT_MS: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1000, m: 60_000 }

function milliseconds(text: string): number {
  const [, amount, unit] = /^([\d.]+)(\w+)$/.exec(text) as RegExpExecArray
  return Number(amount) * (UNIT_MS[unit as string] as number)
}

async function askByAutocannon({
  url,
  connections,
  seconds,
}: LoadOptions): Promise<Omit<Load, 'generatorUs'>> {
  const program = import.meta.resolve('autocannon').replace('file://', '')
  const out = await execute(
    [
      process.execPath,
      program,
      '-c',
      String(connections),
      '-d',
      String(seconds),
      '--json',
      '--no-progress',
      url,
    ],
    seconds,
  )
  const { requests, latency, errors, non2xx } = JSON.parse(out) as {
    requests: { average: number; total: number }
    latency: { p50: number; p99: number }
    errors: number
    non2xx: number
  }
  if (errors + non2xx > 0)
    throw new Error(`${url} failed under load: ${errors} errors, ${non2xx} answers that are not 2xx`)
  return {
    requestsPerSecond: requests.average,
    requests: requests.total,
    p50Ms: latency.p50,
    p99Ms: latency.p99,
  }
}
