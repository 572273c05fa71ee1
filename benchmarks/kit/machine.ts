import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { arch, availableParallelism, cpus, loadavg, release, totalmem, type } from 'node:os'

/** What a figure was measured on. Nothing that names the machine. */
export interface Machine {
  readonly commit: string
  /** The working tree had changes that are in no commit. */
  readonly modified: boolean
  readonly date: string
  readonly cores: number
  readonly cpu: string
  readonly memoryGib: number
  readonly os: string
  readonly node: string
  readonly postgres: string
  /** Averages over 1, 5 and 15 minutes at the start and the end: others share the machine. */
  readonly loadBefore: readonly number[]
  loadAfter: readonly number[]
}

export function describeMachine(postgres: string): Machine {
  const git = (...args: string[]): string => {
    try {
      return execFileSync('git', args, { cwd: import.meta.dirname, encoding: 'utf8' }).trim()
    } catch {
      return ''
    }
  }
  return {
    commit: git('rev-parse', '--short=12', 'HEAD') || 'unknown',
    modified:
      git('status', '--porcelain', '--untracked-files=no', '--', '../../src', '../../examples') !== '',
    date: new Date().toISOString().slice(0, 16).replace('T', ' ').concat(' UTC'),
    cores: availableParallelism(),
    cpu: cpus()[0]?.model.trim() ?? arch(),
    memoryGib: Math.round((totalmem() / 2 ** 30) * 10) / 10,
    os: `${distribution()} (${type()} ${release().split('-')[0]}, ${arch()})`,
    node: process.versions.node,
    postgres,
    loadBefore: load(),
    loadAfter: [],
  }
}

export const load = (): number[] => loadavg().map((value) => Math.round(value * 100) / 100)

function distribution(): string {
  try {
    return /^PRETTY_NAME="?([^"\n]+)/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? type()
  } catch {
    return type()
  }
}

export const machineLines = (machine: Machine): string[] => [
  `- commit ${machine.commit}${machine.modified ? ', with uncommitted changes' : ''}, ${machine.date}`,
  `- ${machine.cores} cores of ${machine.cpu}, ${machine.memoryGib} GiB, ${machine.os}`,
  `- Node.js ${machine.node}, PostgreSQL ${machine.postgres}`,
  `- load average before ${machine.loadBefore.join(' ')}, after ${machine.loadAfter.join(' ')}`,
]
