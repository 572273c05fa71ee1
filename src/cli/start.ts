import module from 'node:module'
import { dirname, resolve } from 'node:path'
import { findApp } from '../supervisor/app-module.ts'
import { loadConfig } from '../supervisor/config/load.ts'
import type { StartRequest } from '../supervisor/start-request.ts'
import { ExitWith } from './exit.ts'
import { REQUEST_VARIABLE, runGuard } from './guard-run.ts'
import { processPath } from './process-path.ts'
import { checkStage, configOf, type Layout, type StartFlags } from './start-flags.ts'

export const PORT_DEFAULT = 3000
export const CONSOLE_PORT_DEFAULT = 3001
const UNRESPONSIVE_SECONDS_DEFAULT = 30

/** Validates everything, then becomes the guard. */
export async function start(app: string | undefined, flags: StartFlags): Promise<void> {
  const layout = checkStage(flags)
  process.env[REQUEST_VARIABLE] = JSON.stringify({ ...startRequest(app, flags), ...layout })
  becomeGuard()
  throw new ExitWith(await runGuard())
}

/** What is asked for, with every default filled in that does not depend on the machine. */
export function startRequest(named: string | undefined, flags: StartFlags): Omit<StartRequest, keyof Layout> {
  const cwd = process.cwd()
  const app = findApp(named, cwd)
  const config = loadConfig({
    file: flags.config,
    folders: [dirname(app), cwd],
    env: process.env,
    flags: configOf(flags),
  })
  return {
    app,
    stateFolder: resolve(cwd, config.data ?? '.tenfold'),
    clusters: config.database?.length ?? config.clusters ?? 1,
    port: config.port ?? PORT_DEFAULT,
    consolePort: config.consolePort ?? CONSOLE_PORT_DEFAULT,
    databases: config.database ?? [],
    durability: config.durability ?? 'strict',
    pgBin: config.pgBin === undefined ? undefined : resolve(cwd, config.pgBin),
    cpu: config.cpu,
    memoryMb: config.memory,
    signingKeys: config.signingKeys,
    tls: config.tls,
    trustedProxies: config.trustedProxies,
    unresponsiveMs: (config.unresponsiveSeconds ?? UNRESPONSIVE_SECONDS_DEFAULT) * 1000,
    logLevel: config.logLevel ?? 'info',
    watch: flags.watch ?? false,
    json: flags.json ?? false,
    debug: flags.debug ?? false,
  }
}

/**
 * The guard lives as long as the system, so it must not carry what only the command line needs: this process is
 * replaced by a new one that runs nothing but the guard. The guard's modules were imported here, so it finds them
 * compiled in the cache. Returns where the system call is not at hand; the guard then runs in this process.
 */
function becomeGuard(): void {
  if (typeof process.execve !== 'function' || process.platform === 'win32') return
  module.flushCompileCache?.()
  const entry = processPath('guard')
  process.execve(process.execPath, [process.execPath, ...process.execArgv, entry], process.env)
}
