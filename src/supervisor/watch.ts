import { existsSync, watch } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Clock, Timer } from '../core/clock.ts'
import type { StartRequest } from './start-request.ts'

/** Not sources: what packages bring, what runs write, what editors leave. */
const IGNORED = /(^|[\\/])(node_modules|dist|coverage|\.[^\\/]+)([\\/]|$)|~$|\.(log|tmp|swp)$|(^|[\\/])4913$/
/** An editor writes a file in several steps. */
const SETTLE_MS = 60

/** Calls back when sources, assets or migrations of the application change. */
export function watchSources(request: StartRequest, clock: Clock, onChange: () => void): { close(): void } {
  let settled: Timer | undefined
  const watcher = watch(
    packageFolder(request.app),
    // The option `ignore` saves walking through node_modules; older versions of Node.js do not know it.
    { recursive: true, ignore: (name: string) => IGNORED.test(name) } as { recursive: true },
    (_, name) => {
      if (name !== null && IGNORED.test(name)) return
      settled?.cancel()
      settled = clock.timer(SETTLE_MS, onChange)
    },
  )
  return {
    close: () => {
      settled?.cancel()
      watcher.close()
    },
  }
}

/** The folder of the nearest package.json, else the application's own. */
export function packageFolder(app: string): string {
  for (let at = dirname(app); at !== dirname(at); at = dirname(at)) {
    if (existsSync(join(at, 'package.json'))) return at
  }
  return dirname(app)
}
