import { spawn } from 'node:child_process'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import type { Account } from './account.ts'
import { findBinaries } from './binaries.ts'
import { serverEnvironment, serverPath } from './launch.ts'

/** Milliseconds that it may take. */
const RELEASE_MS_MAX = 10_000

/**
 * Gives back the shared memory that a killed server has left, before its data folder is removed. A server that is started on
 * the folder would do so; without one the kernel keeps it for ever, and when its 4,096 identifiers are used up no PostgreSQL
 * of the machine starts any more. PostgreSQL's own check of a configuration makes and removes shared memory as a start does.
 *
 * PostgreSQL finds it by the folder itself. Nothing happens where a server still runs; what fails is left as it was.
 */
export async function releaseSharedMemory(options: {
  readonly dataDir: string
  readonly pgBin?: string | undefined
  readonly account: Account
}): Promise<void> {
  const { dataDir, account } = options
  if (statSync(join(dataDir, 'global', 'pg_control'), { throwIfNoEntry: false }) === undefined) return
  try {
    const { dir } = await findBinaries({
      pgBin: options.pgBin,
      account,
      signal: AbortSignal.timeout(RELEASE_MS_MAX),
    })
    const child = spawn(join(dir, 'postgres'), ['--check', '-D', serverPath(dataDir, account)], {
      cwd: dataDir,
      env: serverEnvironment(),
      stdio: 'ignore',
      timeout: RELEASE_MS_MAX,
      ...(account.steppedDown && { uid: account.uid, gid: account.gid }),
    })
    await new Promise<void>((resolve) => child.once('exit', () => resolve()).once('error', () => resolve()))
  } catch {
    // The folder may be damaged, which may be why it goes.
  }
}
