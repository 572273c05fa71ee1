// Finds what the Patroni tests run (Patroni, etcd, PostgreSQL), and installs it where that can be done without asking.
import { existsSync, readdirSync } from 'fs'
import { delimiter, join } from 'path'
import { install, installer, onPath } from './apt.js'
import { withoutServices } from './without-services.js'

/** Where root's programs lie, too. */
const PROGRAMS = ['/usr/bin', '/usr/sbin', '/usr/local/bin']
/** Where Debian and Ubuntu keep the server's programs, one folder for each major version. */
const POSTGRES = '/usr/lib/postgresql'
const MAJOR_MIN = 15

/** By program: the package that has it, and the services that the package would start. */
const PARTS = {
  patroni: { package: 'patroni', services: ['patroni'] },
  etcd: { package: 'etcd-server', services: ['etcd'] },
  pgBin: { package: 'postgresql', services: ['postgresql'] },
}

/** The folder of the oldest PostgreSQL that we support: the newest is what all other tests run on. */
function findPostgres(root) {
  const folders = existsSync(root) ? readdirSync(root) : []
  return folders
    .map(Number)
    .filter((major) => major >= MAJOR_MIN)
    .sort((a, b) => a - b)
    .map((major) => join(root, String(major), 'bin'))
    .find((dir) =>
      ['initdb', 'postgres', 'pg_basebackup', 'pg_rewind'].every((name) => existsSync(join(dir, name))),
    )
}

function look(env) {
  // An ordinary user's PATH lacks the folders of root's programs; etcd may lie in either.
  const wide = { PATH: env.TENFOLD_DEBIAN_PROGRAMS || [env.PATH || '', ...PROGRAMS].join(delimiter) }
  return {
    patroni: onPath(wide, 'patroni'),
    etcd: onPath(wide, 'etcd'),
    pgBin: findPostgres(env.TENFOLD_DEBIAN_POSTGRES || POSTGRES),
  }
}

/** `{ patroni, etcd, pgBin }`, or undefined when one of them is missing. */
export function findPatroni(env) {
  const found = look(env)
  return Object.keys(PARTS).every((part) => found[part]) ? found : undefined
}

/** The programs, or an error that says how to get them. Only what is missing is installed, and no service starts. */
export function ensurePatroni(env) {
  const found = findPatroni(env)
  if (found) return found
  const parts = look(env)
  const missing = Object.keys(PARTS).filter((part) => !parts[part])
  const packages = missing.map((part) => PARTS[part].package)
  const prefix = installer(env)
  if (prefix) {
    process.stderr.write(`Patroni: installing ${packages.join(', ')} with apt-get (once)\n`)
    const services = [].concat(...missing.map((part) => PARTS[part].services))
    const now = withoutServices(prefix, env, services, () => install(prefix, packages))
      ? findPatroni(env)
      : undefined
    if (now) return now
  }
  throw new Error(
    [
      `The Patroni tests need ${packages.join(', ')}, which this machine does not have.`,
      `  Debian, Ubuntu:  sudo apt-get install --no-install-recommends ${packages.join(' ')}`,
    ].join('\n'),
  )
}
