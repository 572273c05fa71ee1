// What the long forms of tests gave last: a table beside the tests, one row a file, each with the commit, the day and the machine.
import { execFileSync } from 'child_process'
import { existsSync, readFileSync, writeFileSync } from 'fs'
import { arch, cpus, totalmem, type } from 'os'
import { join, relative } from 'path'

const TABLE = join('test', 'long-results.md')
const HEAD = `# Long forms: the last results

Written by \`npm run test:long\`, which runs these files with more seeds, rounds and operations than \`npm test\` does.

| file | passed | failed | skipped | minutes | commit | when (UTC) | machine |
| --- | --- | --- | --- | --- | --- | --- | --- |
`

/** Whether a test asks for its long form anywhere. Lightbox's run on more CLUSTERS then. */
export function hasLongForm(root, file) {
  return /\b(LONG|CLUSTERS)\b|TENFOLD_TEST_LONG/.test(readFileSync(join(root, file), 'utf8'))
}

function git(root, args) {
  try {
    return execFileSync('git', args, { cwd: root, encoding: 'utf8' }).trim()
  } catch {
    return ''
  }
}

function system() {
  try {
    return /^PRETTY_NAME="?([^"\n]+)/m.exec(readFileSync('/etc/os-release', 'utf8'))[1]
  } catch {
    return type()
  }
}

/** @param node the binary that ran the tests */
function machine(node) {
  const all = cpus()
  const cpu = all.length > 0 ? `${all.length} × ${all[0].model.trim()}` : arch()
  return `${cpu}, ${Math.round(totalmem() / 2 ** 30)} GiB, ${system()}, Node.js ${execFileSync(node, ['--version'], { encoding: 'utf8' }).trim().slice(1)}`
}

function rowsOf(path) {
  const rows = new Map()
  if (!existsSync(path)) return rows
  for (const line of readFileSync(path, 'utf8').split('\n')) {
    const found = /^\| (\S+\.test\.ts) \|/.exec(line)
    if (found) rows.set(found[1], line)
  }
  return rows
}

/** Replaces the rows of the files that ran. `files`: [{ file, passed, failed, skipped, ms }]. */
export function keepLongResults(root, node, files) {
  const path = join(root, TABLE)
  const rows = rowsOf(path)
  const changed = git(root, [
    'status',
    '--porcelain',
    '--untracked-files=no',
    '--',
    'src',
    'examples',
    'test/system',
  ])
  const commit =
    (git(root, ['rev-parse', '--short=12', 'HEAD']) || 'unknown') + (changed ? ' and changes' : '')
  const when = new Date().toISOString().slice(0, 16).replace('T', ' ')
  const where = machine(node)
  for (const { file, passed, failed, skipped, ms } of files) {
    const name = relative(root, file).replace(/\\/g, '/')
    const minutes = (ms / 60000).toFixed(1)
    rows.set(name, `| ${[name, passed, failed, skipped, minutes, commit, when, where].join(' | ')} |`)
  }
  for (const name of rows.keys()) if (!existsSync(join(root, name))) rows.delete(name)
  writeFileSync(path, `${HEAD}${[...rows.values()].sort().join('\n')}\n`)
}
