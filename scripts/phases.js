// Which test belongs to which phase. Every *.test.ts of the repository is in exactly one.
import { existsSync, readdirSync } from 'fs'
import { join } from 'path'

export const PHASES = ['check', 'unit', 'engine', 'conformance', 'system', 'app', 'browser']
const ROOTS = ['src', 'test', 'examples', 'benchmarks', 'console']
const SKIPPED = ['node_modules', 'dist', 'templates', 'fixtures']

export function phaseOf(file) {
  if (/(^|\/)browser\//.test(file)) return 'browser'
  if (file.endsWith('.engine.test.ts')) return 'engine'
  if (file.startsWith('test/conformance/')) return 'conformance'
  if (file.startsWith('test/system/')) return 'system'
  if (file.startsWith('examples/') || file.startsWith('test/app/')) return 'app'
  return 'unit'
}

function walk(root, folder) {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`
    if (entry.isDirectory()) {
      return SKIPPED.indexOf(entry.name) >= 0 || entry.name.startsWith('.') ? [] : walk(root, path)
    }
    return entry.name.endsWith('.test.ts') ? [path] : []
  })
}

/** The test files of a phase, sorted; with filters only those whose path contains one of them. */
export function filesOf(root, phase, filters) {
  return ROOTS.filter((folder) => existsSync(join(root, folder)))
    .flatMap((folder) => walk(root, folder))
    .filter((file) => phaseOf(file) === phase)
    .filter((file) => filters.length === 0 || filters.some((filter) => file.indexOf(filter) >= 0))
    .sort()
}
