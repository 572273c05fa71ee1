import { type ChildProcess, spawn } from 'node:child_process'
import { dataDirIn } from './folder.ts'

/** Waits until the pipe from the test process closes, which the kernel does however that process ends. */
const SCRIPT = `
cat >/dev/null
pid=$(head -n 1 "$1/postmaster.pid" 2>/dev/null)
if [ -n "$pid" ]; then
  kill -QUIT "$pid" 2>/dev/null
  n=0
  while [ -e "$1/postmaster.pid" ] && kill -0 "$pid" 2>/dev/null && [ $n -lt 200 ]; do sleep 0.05; n=$((n + 1)); done
fi
rm -rf "$2"
`

/**
 * A small process that ends the server in `folder` and removes the folder when this process is gone, also
 * after a crash or SIGKILL.
 */
export function startWatchdog(folder: string): { stop(): Promise<void> } {
  const child: ChildProcess = spawn(
    '/bin/sh',
    ['-c', SCRIPT, 'tenfold-test-watchdog', dataDirIn(folder), folder],
    {
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true, // an interrupt from the keyboard is for the tests
      cwd: '/',
    },
  )
  const gone = new Promise<void>((resolve) => {
    child.once('exit', () => resolve())
    child.once('error', () => resolve()) // without a shell the sweep at the next start remains
  })
  child.unref()
  const pipe = child.stdin as (NodeJS.WritableStream & { unref?(): void }) | null
  pipe?.on('error', () => {})
  pipe?.unref?.()
  return {
    stop: () => {
      child.ref()
      child.kill('SIGKILL')
      return gone
    },
  }
}
