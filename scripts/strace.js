// Finds strace, by which tests make a disk slow, and installs it where that can be done without asking.
import { install, installer, onPath } from './apt.js'

/** The program, or undefined. */
export function findStrace(env) {
  return onPath(env, 'strace')
}

/** The program, or an error that says how to get it. */
export function ensureStrace(env) {
  const found = findStrace(env)
  if (found) return found
  const prefix = installer(env)
  if (prefix) {
    process.stderr.write('slow disks: installing strace with apt-get (once)\n')
    const now = install(prefix, ['strace']) ? findStrace(env) : undefined
    if (now) return now
  }
  throw new Error(
    'The tests of slow disks need strace: sudo apt-get install --no-install-recommends strace (Debian, Ubuntu).',
  )
}
