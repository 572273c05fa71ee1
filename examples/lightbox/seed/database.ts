import { spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'

/** Where the databases are, as `tenfold sql` takes it. */
export interface Place {
  readonly data?: string | undefined
  readonly database?: readonly string[] | undefined
}

const TENFOLD = join(
  dirname(createRequire(import.meta.url).resolve('tenfold/package.json')),
  'bin',
  'tenfold.js',
)

/**
 * Runs statements one by one in a session with a cluster, of a system that runs or one that is stopped.
 * `onLine` gets every line of JSON that they print: a row each, or a statement's command tag.
 */
export async function runSql(
  place: Place,
  cluster: string,
  statements: readonly string[],
  onLine: (line: string) => void,
): Promise<void> {
  const where = [
    ...(place.data === undefined ? [] : ['--data', place.data]),
    ...(place.database ?? []).flatMap((url) => ['--database', url]),
  ]
  const args = [TENFOLD, 'sql', '--write', '--json', '--cluster', cluster, ...where]
  // npm runs a script in its workspace; the state folder is where the person is.
  const cwd = process.env.INIT_CWD ?? process.cwd()
  const child = spawn(process.execPath, args, { cwd, stdio: ['pipe', 'pipe', 'inherit'] })
  const ended = new Promise<number | null>((resolve, reject) =>
    child.once('error', reject).once('close', resolve),
  )
  child.stdin.on('error', () => {}) // it ended early: its exit code tells
  child.stdin.end(`${statements.join(';\n')};\n`)
  for await (const line of createInterface({ input: child.stdout })) if (line !== '') onLine(line)
  const code = await ended
  if (code !== 0) throw new SqlFailed(code)
}

/** `tenfold sql` has said on stderr what went wrong. */
export class SqlFailed extends Error {
  readonly exitCode: number
  constructor(code: number | null) {
    super('The database refused; see above. What was written is whole: the same command continues.')
    this.exitCode = code ?? 1
  }
}

/** The names of the clusters that own buckets. */
export async function clustersOf(place: Place): Promise<string[]> {
  const names: string[] = []
  await runSql(place, 'c0', ['select distinct cluster from tenfold.directory order by 1'], (line) => {
    names.push((JSON.parse(line) as { cluster: string }).cluster)
  })
  return names
}
