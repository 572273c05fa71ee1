import { existsSync, readFileSync, statfsSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { stateFolder } from '../../supervisor/state-folder.ts'
import type { MachineFacts } from './machine.ts'

export function machineFacts(dir: string): MachineFacts {
  const { path, secrets } = stateFolder(dir)
  const { bavail, bsize } = statfsSync(nearestExisting(path))
  return {
    node: process.versions.node,
    openFiles: openFilesLimit(),
    diskFree: bavail * bsize,
    folder: path,
    secretsMode: statSync(secrets, { throwIfNoEntry: false })?.mode,
  }
}

function nearestExisting(path: string): string {
  let at = path
  while (!existsSync(at) && at !== dirname(at)) at = dirname(at)
  return at
}

/** Linux only; Node.js itself raises the soft limit to the hard one. */
function openFilesLimit(): number | undefined {
  try {
    const [, limit] = /^Max open files\s+(\S+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? []
    return limit === undefined ? undefined : limit === 'unlimited' ? Number.POSITIVE_INFINITY : Number(limit)
  } catch {
    return undefined
  }
}
