import type { LogFields } from '../core/log.ts'

/** What stands in a log line in place of a secret. */
export const REDACTED = '[redacted]'

/** Fields whose value is a secret, whatever their depth; compared in lower case, dashes and underscores aside. */
const SECRET_NAMES = new Set([
  'password',
  'passwd',
  'passphrase',
  'authorization',
  'proxyauthorization',
  'cookie',
  'setcookie',
  'token',
  'accesstoken',
  'refreshtoken',
  'sessiontoken',
  'bearer',
  'idempotencykey',
  'secret',
  'clientsecret',
  'apikey',
  'privatekey',
  'signingkey',
  'signingkeys',
  'credentials',
])
const DEPTH_MAX = 6
const ENTRIES_MAX = 100
/** `scheme://user:password@`, in any text: errors of database drivers carry such URLs. */
const URL_PASSWORD = /([a-z][a-z0-9+.-]*:\/\/[^\s/:@?#]*):[^\s/@]*@/gi

// The names of log fields are few and constant in code, so a small map saves normalising them on every line.
const known = new Map<string, boolean>()
const KNOWN_MAX = 1_000

function isSecret(name: string): boolean {
  let secret = known.get(name)
  if (secret === undefined) {
    secret = SECRET_NAMES.has(name.toLowerCase().replaceAll(/[-_]/g, ''))
    if (known.size < KNOWN_MAX) known.set(name, secret)
  }
  return secret
}

/** `text` without the passwords of the URLs in it. */
export function redactText(text: string): string {
  return text.includes('://') && text.includes('@') ? text.replaceAll(URL_PASSWORD, `$1:${REDACTED}@`) : text
}

function errorFields(error: Error, depth: number): Record<string, unknown> {
  const own = Object.fromEntries(Object.entries(error).filter(([name]) => name !== 'stack'))
  return {
    name: error.name,
    message: redactText(error.message),
    ...(walk(own, depth + 1) as object),
    ...(error.stack ? { stack: redactText(error.stack) } : {}),
    ...(error.cause === undefined ? {} : { cause: walk(error.cause, depth + 1) }),
  }
}

function walk(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return redactText(value)
  if (typeof value === 'bigint') return value.toString()
  if (typeof value !== 'object' || value === null) return value
  if (depth > DEPTH_MAX) return '[deeper]'
  if (value instanceof Error) return errorFields(value, depth)
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString()
  if (value instanceof URL) return redactText(value.href)
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`
  if (Array.isArray(value)) return value.slice(0, ENTRIES_MAX).map((item) => walk(item, depth + 1))
  const out: Record<string, unknown> = {}
  for (const [name, item] of Object.entries(value).slice(0, ENTRIES_MAX)) {
    out[name] = isSecret(name) ? REDACTED : walk(item, depth + 1)
  }
  return out
}

/**
 * The fields of one log line without secrets, as plain JSON: errors and bigints become readable, depth and
 * length are bounded. Returns `fields` itself when there is nothing to change, which is the usual case.
 */
export function redact(fields: LogFields): LogFields {
  for (const name in fields) {
    const value = fields[name]
    const plain =
      typeof value === 'number' ||
      typeof value === 'boolean' ||
      value == null ||
      (typeof value === 'string' && !value.includes('://'))
    if (!plain || isSecret(name)) return walk(fields, 0) as LogFields
  }
  return fields
}
