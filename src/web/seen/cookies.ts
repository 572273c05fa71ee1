/** Cookies of this prefix hold seen tokens; each raise makes one with an ending of its own. */
const PREFIX = 'tenfold-seen-'
/** The name in full: nothing else is expired by us, and nothing else goes into our answer. */
const ENDING = /^[\w-]{1,32}$/
/** Seconds. Whatever copies lag behind, it is far less. */
export const SEEN_COOKIE_SECONDS = 86_400

export interface ReceivedCookie {
  readonly name: string
  readonly value: string
}

const prefixOf = (secure: boolean): string => (secure ? `__Host-${PREFIX}` : PREFIX)

/** The cookies with tokens, in the order in which they were sent. */
export function seenCookies(header: string | undefined, secure: boolean): ReceivedCookie[] {
  const prefix = prefixOf(secure)
  if (header === undefined || !header.includes(prefix)) return []
  const found: ReceivedCookie[] = []
  for (const pair of header.split(';')) {
    const at = pair.indexOf('=')
    const name = pair.slice(0, Math.max(at, 0)).trim()
    if (name.startsWith(prefix) && ENDING.test(name.slice(prefix.length)))
      found.push({ name, value: pair.slice(at + 1).trim() })
  }
  return found
}

/** The line that keeps a token, under a name that no other answer uses. */
export function keepingLine(ending: string, token: string, secure: boolean): string {
  const line = `${prefixOf(secure)}${ending}=${token}; Path=/; HttpOnly; SameSite=Lax; Max-Age=${SEEN_COOKIE_SECONDS}`
  return secure ? `${line}; Secure` : line
}

/** The line that makes a browser forget a cookie. */
export function expiringLine(name: string, secure: boolean): string {
  return `${name}=; Path=/; Max-Age=0${secure ? '; Secure' : ''}`
}
