/** The cookie's name without TLS; with it the prefix makes browsers refuse it from elsewhere. */
export const COOKIE_NAME = 'tenfold-session'

/** With TLS a page of another subdomain can neither set nor overwrite it (RFC 6265bis, 4.1.3). */
export function cookieName(secure: boolean): string {
  return secure ? `__Host-${COOKIE_NAME}` : COOKIE_NAME
}

/** The values of one cookie in a `Cookie` header; a client may send several of one name. */
export function cookieValues(header: string | undefined, name: string): string[] {
  if (header === undefined || !header.includes(name)) return []
  return header.split(';').flatMap((pair) => {
    const at = pair.indexOf('=')
    if (at < 0 || pair.slice(0, at).trim() !== name) return []
    const value = pair.slice(at + 1).trim()
    return [value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value]
  })
}

/** A `Set-Cookie` line; with no value one that makes the browser forget it. */
export function cookieLine(value: string | null, secure: boolean, seconds: number): string {
  const parts = [
    `${cookieName(secure)}=${value ?? ''}`,
    'Path=/',
    'HttpOnly',
    'SameSite=Lax',
    `Max-Age=${value === null ? 0 : Math.floor(seconds)}`,
  ]
  if (secure) parts.push('Secure')
  return parts.join('; ')
}
