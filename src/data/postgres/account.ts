import { accessSync, constants, readFileSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { PostgresUserUnusable } from './errors.ts'

/** The user that PostgreSQL's processes run as. */
export interface Account {
  readonly uid: number
  readonly gid: number
  /** Whether that is not ourselves: we are root and step down. */
  readonly steppedDown: boolean
}

/** `name:x:uid:gid:…`, as in /etc/passwd. */
export function parsePasswd(text: string): Map<string, { uid: number; gid: number }> {
  const users = new Map<string, { uid: number; gid: number }>()
  for (const line of text.split('\n')) {
    const [name = '', , uid = '', gid = ''] = line.split(':')
    if (name === '' || !/^-?\d+$/.test(uid) || !/^-?\d+$/.test(gid)) continue
    users.set(name, { uid: Number(uid) >>> 0, gid: Number(gid) >>> 0 })
  }
  return users
}

const readPasswd = (): string => {
  try {
    return readFileSync('/etc/passwd', 'utf8')
  } catch {
    return ''
  }
}

/**
 * PostgreSQL refuses to run as root. As root we use the owner of an existing data folder, else the user
 * `postgres`, else `nobody`; otherwise we run it as ourselves.
 */
export function chooseAccount(dataDir: string): Account {
  const uid = process.getuid?.() ?? 0
  const gid = process.getgid?.() ?? 0
  if (process.getuid === undefined || uid !== 0) return { uid, gid, steppedDown: false }
  const owner = statSync(dataDir, { throwIfNoEntry: false })
  if (owner !== undefined && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid, steppedDown: true }
  const users = parsePasswd(readPasswd())
  const user = users.get('postgres') ?? users.get('_postgres') ?? users.get('nobody')
  if (user === undefined || user.uid === 0)
    throw new PostgresUserUnusable(
      'PostgreSQL does not run as root, and this machine has neither a user `postgres` nor `nobody`.',
      'Create one (`useradd --system postgres`), or start Tenfold as an ordinary user.',
    )
  return { ...user, steppedDown: true }
}

const SEARCH = 0o1
const mayBy = (mode: number, ownedByUser: boolean, ownedByGroup: boolean, bit: number): boolean =>
  (mode & (ownedByUser ? bit << 6 : ownedByGroup ? bit << 3 : bit)) !== 0

/**
 * The outermost folder on the way to `path` that `account` may not enter, `path` itself included; undefined when
 * it can. Access lists are not looked at: they can only make this stricter than the system is.
 */
export function barrierOnTheWay(path: string, account: Account): string | undefined {
  if (!account.steppedDown) return undefined
  let barrier: string | undefined
  for (let at = path; ; at = dirname(at)) {
    const found = statSync(at, { throwIfNoEntry: false })
    if (
      found?.isDirectory() &&
      !mayBy(found.mode, found.uid === account.uid, found.gid === account.gid, SEARCH)
    )
      barrier = at
    if (at === dirname(at)) return barrier
  }
}

/** Whether we ourselves may read and run the file. */
export function isRunnable(path: string): boolean {
  try {
    accessSync(path, constants.R_OK | constants.X_OK)
    return true
  } catch {
    return false
  }
}
