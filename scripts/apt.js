// Debian's packages, for tests that need an engine of the system.
import { spawnSync } from 'child_process'
import { existsSync } from 'fs'
import { delimiter, join } from 'path'

/** Seconds that another apt-get at work may take. */
const LOCK_SECONDS = 120

/** The file of a program on PATH, or undefined. */
export function onPath(env, name) {
  return (env.PATH || '')
    .split(delimiter)
    .filter(Boolean)
    .map((folder) => join(folder, name))
    .find((path) => existsSync(path))
}

/**
 * What has to stand before apt-get: nothing for root, sudo where CI has one that does not ask. Undefined where
 * packages cannot be installed without asking somebody.
 */
export function installer(env) {
  if (!onPath(env, 'apt-get')) return undefined
  if (process.getuid && process.getuid() === 0) return []
  return env.CI && onPath(env, 'sudo') ? ['sudo', '-n'] : undefined
}

/** Runs a program for whoever may install; its output is progress, and stdout belongs to the test results. */
export function asInstaller(prefix, args) {
  const command = prefix.concat(args)
  process.stderr.write(`  $ ${command.join(' ')}\n`)
  const env = Object.assign({}, process.env, { DEBIAN_FRONTEND: 'noninteractive' })
  return spawnSync(command[0], command.slice(1), { stdio: ['ignore', 2, 2], env }).status === 0
}

/** Installs packages; true when that went well. What is installed already stays as it is. */
export function install(prefix, packages) {
  const lock = ['-o', `DPkg::Lock::Timeout=${LOCK_SECONDS}`]
  const apt = (verb, args) => asInstaller(prefix, ['apt-get', verb, '-q'].concat(lock, args))
  return (
    apt('update', []) && apt('install', ['-y', '--no-install-recommends', '--no-upgrade'].concat(packages))
  )
}
