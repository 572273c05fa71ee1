// npm run build: src → dist, as it is published. Files that tsc does not compile go along unchanged.
import { spawnSync } from 'child_process'
import { cpSync, existsSync, rmSync } from 'fs'
import { basename, dirname, join } from 'path'
import { fileURLToPath } from 'url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const dist = join(root, 'dist')

rmSync(dist, { recursive: true, force: true })
const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
const built = spawnSync(process.execPath, [tsc, '-p', 'tsconfig.build.json'], {
  cwd: root,
  stdio: ['ignore', 2, 2],
})
if (built.status !== 0 || !existsSync(dist)) {
  process.stderr.write('build failed: tsc reported errors\n')
  process.exit(1)
}

/** SQL, templates, style sheets; not sources, tests or design pages. A template may hold anything. */
function belongs(path) {
  if (path.indexOf('/templates') >= 0) return true
  return !/\.(ts|md)$/.test(basename(path)) && !/^fixtures?$/.test(basename(path))
}
cpSync(join(root, 'src'), dist, { recursive: true, filter: belongs })
