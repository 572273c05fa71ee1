// npm runs this at the end of `npm ci` in a checkout: it compiles the sources into the cache that the command uses, so
// that the first start is as quick and as small as every later one. Nothing depends on it, so nothing here may fail.
import { spawnSync } from 'child_process'
import { existsSync } from 'fs'
import { dirname, join } from 'path'
import { fileURLToPath } from 'url'
import { findNode } from '../bin/find-node.js'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const script = join(root, 'scripts', 'compile-cache.ts')
try {
  if (existsSync(join(root, 'src', 'cli', 'main.ts')))
    spawnSync(findNode(root), ['--conditions=tenfold-source', script], {
      cwd: root,
      stdio: 'ignore',
      timeout: 60000,
    })
} catch {
  // Without the pinned Node.js there is nothing to prepare; the command says so when it is used.
}
