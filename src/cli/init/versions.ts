import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Values } from './make.ts'

interface Manifest {
  readonly version: string
  readonly dependencies: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
}

/** The versions that this Tenfold was tested with; a checkout is linked to, a published package is named by version. */
export function templateVersions(): Omit<Values, 'NAME'> {
  const root = packageRoot()
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Manifest
  const isCheckout = existsSync(join(root, 'src', 'cli', 'main.ts'))
  return {
    TENFOLD: isCheckout ? `file:${root}` : `^${manifest.version}`,
    KYSELY: manifest.dependencies.kysely ?? '*',
    TYPES_NODE: manifest.devDependencies?.['@types/node'] ?? '*',
    TYPESCRIPT: manifest.devDependencies?.typescript ?? '*',
  }
}

/** `src/cli/init` or `dist/cli/init` lie three levels below. */
const packageRoot = (): string => dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))))
