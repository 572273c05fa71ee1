import { spawn } from 'node:child_process'
import { readdirSync, readlinkSync } from 'node:fs'
import { identify, isAlive, type ProcessIdentity, signal } from '../../../src/data/postgres/process.ts'
import { until } from '../kit/deadline.ts'

/** Processes whose working folder is `dir` or below: all that was started for it, whoever their parent is by now. Linux only. */
export function processesBelow(dir: string): ProcessIdentity[] {
  return readdirSync('/proc').flatMap((name) => {
    const pid = Number(name)
    if (!(pid > 0) || pid === process.pid) return []
    try {
      const cwd = readlinkSync(`/proc/${name}/cwd`)
      return cwd === dir || cwd.startsWith(`${dir}/`) ? (identify(pid) ?? []) : []
    } catch {
      return [] // gone, or someone else's
    }
  })
}

/** Ends all that was started for a folder. What they start meanwhile is ended, too. */
export async function killBelow(dir: string): Promise<void> {
  await until(`the end of all in ${dir}`, () => {
    const left = processesBelow(dir)
    for (const identity of left) signal(identity, 'SIGKILL')
    return left.some(isAlive) ? undefined : true
  })
}

/** Waits for the end of the pipe from this process; the kernel closes it however this process ends. */
const GUARD = `
cat >/dev/null
for round in 1 2 3; do
  for process in /proc/[0-9]*; do
    case "$(readlink "$process/cwd")" in "$1"|"$1"/*) kill -KILL "\${process#/proc/}" ;; esac
  done
done
rm -rf "$1"
`

/** Ends all in the folder and removes it when this process dies without doing so. */
export function guardFolder(dir: string): { release(): Promise<void> } {
  const child = spawn('/bin/sh', ['-c', GUARD, 'patroni-guard', dir], {
    cwd: '/',
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true, // an interrupt from the keyboard is for the tests
  })
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  child.unref()
  const pipe = child.stdin as NodeJS.WritableStream & { unref?(): void }
  pipe.unref?.()
  return {
    release: () => {
      child.ref()
      child.kill('SIGKILL')
      return gone
    },
  }
}
