import { fileURLToPath } from 'node:url'

/** The module of one of our processes: beside this one, `.ts` in a checkout and `.js` in the published package. */
export function processPath(name: 'guard' | 'server' | 'node'): string {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
  return fileURLToPath(new URL(`./processes/${name}.${extension}`, import.meta.url))
}
