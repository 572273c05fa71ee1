import module from 'node:module'
import { homedir } from 'node:os'
import { join } from 'node:path'

/**
 * The `tenfold` command. Everything else is imported when it is needed, and compiled code is kept in a folder of
 * this user: that halves the time of a command and saves each process the memory of the compiler.
 */
const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'tenfold', 'node')
process.env.NODE_COMPILE_CACHE ??= cache
module.enableCompileCache?.(process.env.NODE_COMPILE_CACHE)

const { run } = await import('./program.ts')
process.exitCode = await run(process.argv.slice(2))
