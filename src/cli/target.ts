import { dirname, resolve } from 'node:path'
import { findApp, importApp } from '../supervisor/app-module.ts'
import { loadConfig } from '../supervisor/config/load.ts'
import type { Config } from '../supervisor/config/schema.ts'

/** Flags of the commands that work on databases, of a running or a stopped system. */
export interface TargetFlags {
  readonly data?: string
  readonly database?: string[]
  readonly pgBin?: string
  readonly clusters?: number
  readonly config?: string
}

/** What those flags, the environment and the configuration file come to. */
export interface ChosenTarget {
  /** The application's module, unless there is none and none was needed. */
  readonly app: string | undefined
  readonly folder: string
  readonly databases: readonly string[]
  readonly pgBin: string | undefined
  readonly clusters: number | undefined
}

/** Finds the application (if it `needs` one) and the databases. */
export function chooseTarget(
  named: string | undefined,
  flags: TargetFlags,
  needs: 'app' | 'no app',
): ChosenTarget {
  const cwd = process.cwd()
  const app = needs === 'app' || named !== undefined ? findApp(named, cwd) : undefined
  const { data, database, pgBin, clusters } = flags
  const given: Partial<Record<keyof Config, unknown>> = {
    ...(data !== undefined && { data }),
    ...(database !== undefined && { database }),
    ...(pgBin !== undefined && { pgBin }),
    ...(clusters !== undefined && { clusters }),
  }
  const config = loadConfig({
    file: flags.config,
    folders: app === undefined ? [cwd] : [dirname(app), cwd],
    env: process.env,
    flags: given,
  })
  return {
    app,
    folder: resolve(cwd, config.data ?? '.tenfold'),
    databases: config.database ?? [],
    pgBin: config.pgBin === undefined ? undefined : resolve(cwd, config.pgBin),
    clusters: config.clusters,
  }
}

/** The name that the application gives itself, by which its databases are found; undefined where none was chosen. */
export const appNameOf = async ({ app }: Pick<ChosenTarget, 'app'>): Promise<string | undefined> =>
  app === undefined ? undefined : (await importApp(app)).options.name
