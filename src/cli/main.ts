import { useCompileCache } from './compile-cache.ts'

// The `tenfold` command. Everything else is imported when it is needed, after the cache is in use.
useCompileCache()

const { run } = await import('./program.ts')
process.exitCode = await run(process.argv.slice(2))
