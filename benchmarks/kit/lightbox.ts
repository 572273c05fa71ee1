import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { SystemStatus } from '../../src/core/topology.ts'
import type { ConnectionOptions } from '../../src/data/client/types.ts'
import { withClusters } from '../../src/supervisor/access.ts'
import { launch, ROOT, type Started } from './processes.ts'

/** Lightbox as a person starts it, in a process group of its own. */
export interface RunningLightbox {
  readonly url: string
  /** The process that was started: the guard, or npm before it. */
  readonly pid: number
  readonly status: SystemStatus
  /** Process ids of the application's node and of PostgreSQL. */
  readonly web: number
  readonly postgres: number
  stop(): Promise<void>
}

export interface StartOptions {
  readonly folder: string
  /** `npm`: through `npm start --`, as the README says. @defaultValue the launcher itself */
  readonly through?: 'npm'
  /** @defaultValue Lightbox itself */
  readonly app?: string
  readonly flags?: readonly string[]
  /** For Node.js, in the guard and the server. */
  readonly nodeFlags?: readonly string[]
}

export async function startLightbox({
  folder,
  through,
  app = 'examples/lightbox/app.ts',
  flags = [],
  nodeFlags = [],
}: StartOptions): Promise<RunningLightbox> {
  const args = ['--port', '0', '--console-port', '0', '--json', '--data', folder, ...flags]
  const command =
    through === 'npm'
      ? { command: 'npm', args: ['start', '--', ...args] }
      : {
          command: process.execPath,
          args: [...nodeFlags, join(ROOT, 'bin', 'tenfold.js'), 'start', app, ...args],
        }
  const started: Started<SystemStatus> = await launch<SystemStatus>(command)
  const { ready: status, pid } = started
  const pidOf = (tier: string): number => status.nodes.find((node) => node.tier === tier)?.pid as number
  return {
    url: status.url,
    pid,
    status,
    web: pidOf('web'),
    postgres: pidOf('data'),
    stop: () => started.stop(),
  }
}

/** How to reach the database of a running system. */
export function databaseOf(folder: string): Promise<ConnectionOptions> {
  return withClusters({ folder, databases: [] }, async ([home]) => home!.connection)
}

/** A folder that goes when the work is done. */
export async function withFolder<R>(work: (folder: string) => Promise<R>): Promise<R> {
  const folder = mkdtempSync(join(tmpdir(), 'tenfold-bench-'))
  try {
    return await work(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
