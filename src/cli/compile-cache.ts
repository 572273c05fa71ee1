import module from 'node:module'
import { homedir } from 'node:os'
import { join } from 'node:path'

/**
 * Keeps compiled code in a folder of this user: that halves the time of a command, and saves each process the
 * memory of the compiler (about 15 MB when types have to be stripped). Children inherit the folder.
 */
export function useCompileCache(): void {
  const folder = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'tenfold', 'node')
  process.env.NODE_COMPILE_CACHE ??= folder
  module.enableCompileCache?.(process.env.NODE_COMPILE_CACHE)
}
