/** Comments as PostgreSQL ends them; nested ones do not match, so that what follows them is refused. */
const COMMENT_OR_PAREN = /^(?:\s+|--[^\n\r]*[\n\r]?|\/\*(?:(?!\/\*)[\s\S])*?\*\/|\()+/
const READS = new Set(['select', 'with', 'values', 'table', 'show', 'explain'])
const WRITES = new Set([
  ...READS,
  'insert',
  'update',
  'delete',
  'merge',
  'truncate',
  'lock',
  'savepoint',
  'release',
  'call',
  'do',
])
/** `set local …` and `rollback to savepoint …` stay inside the transaction; their relatives do not. */
const INSIDE = /^(?:set\s+(?:local|constraints)\s|rollback\s+(?:work\s+|transaction\s+)?to\s)/i
/** Settings on which the guarantees rest. */
const PROTECTED = /\b(?:synchronous_commit|session_replication_role|transaction_timeout|tenfold\.bucket)\b/i
/** Calls that change a setting; the second kind only until the transaction ends. */
const SETS = /\bset_config\s*\(/gi
const SETS_LOCALLY = /\bset_config\s*\((?:[^()']|'[^']*'|\((?:[^()']|'[^']*')*\))*,\s*true\s*\)/gi
/** Locks that are held until the session ends, which is until the pool closes it. */
const SESSION_LOCK = /\bpg_(?:try_)?advisory_(?:lock|unlock)/i

/**
 * Whether a read may send this text at all. It keeps SET, BEGIN, DISCARD and the like away from shared
 * sessions; what writes inside a SELECT is refused by the session itself, which is read-only.
 */
export function mayRead(text: string): boolean {
  return READS.has(firstWord(text)) && !outlives(text)
}

/**
 * Whether a write may send this text: nothing that begins or ends the transaction, outlives it in the session,
 * or lowers its durability. It catches mistakes; a name hidden in a parameter gets past it.
 */
export function mayWrite(text: string): boolean {
  if (PROTECTED.test(text) && /\bset\b|\bset_config\b/i.test(text)) return false
  if (outlives(text)) return false
  return WRITES.has(firstWord(text)) || INSIDE.test(text.replace(COMMENT_OR_PAREN, ''))
}

/** Locks that are held beyond a replica's reach: they mean something on the primary only. */
const OF_ONE_SERVER = /\bpg_(?:try_)?advisory_/i

/** Whether a read means the primary, though it could run anywhere. */
export function isOfOneServer(text: string): boolean {
  return OF_ONE_SERVER.test(text)
}

/** Whether a statement leaves in its session what the next request would meet there. */
function outlives(text: string): boolean {
  return SESSION_LOCK.test(text) || text.match(SETS)?.length !== text.match(SETS_LOCALLY)?.length
}

function firstWord(text: string): string {
  return /^[a-z]+/i.exec(text.replace(COMMENT_OR_PAREN, ''))?.[0].toLowerCase() ?? ''
}
