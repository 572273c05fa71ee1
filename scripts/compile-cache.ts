// Imports what `tenfold start` runs, Lightbox included, and leaves it compiled in the cache. Starts nothing.
import { spawnSync } from 'node:child_process'
import module from 'node:module'
import { useCompileCache } from '../src/cli/compile-cache.ts'
import { processPath } from '../src/cli/process-path.ts'

useCompileCache()
const modules = [
  '../src/cli/program.ts',
  '../src/cli/commands/start.ts',
  '../src/cli/guard-run.ts',
  '../src/supervisor/server-process.ts',
  '../src/supervisor/single.ts',
  '../src/app/compose.ts',
  '../examples/lightbox/app.ts',
  // Loaded when they are first used.
  'kysely',
  'prom-client',
]
for (const one of modules) await import(one)
module.flushCompileCache?.()

// The entries themselves: without a request each ends at once, compiled.
const entries = [
  processPath('guard'),
  processPath('server'),
  processPath('guard').replace(/processes.*/, 'main.ts'),
]
for (const entry of entries)
  spawnSync(process.execPath, [...process.execArgv, entry, '--version'], { stdio: 'ignore', timeout: 10_000 })
