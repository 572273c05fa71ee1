import type { IncomingMessage } from 'node:http'
import { BadTarget } from '../errors.ts'

/** Where a request wants to go. */
export interface Target {
  /** Absolute, normalised. */
  readonly url: string
  /** Without query. Its percent-encoding is valid UTF-8 without NUL. */
  readonly path: string
  readonly host: string
}

/** Names, IPv4 and a port; what else is possible (IPv6, capitals, IDN) takes the slower way through `URL`. */
const PLAIN_HOST = /^[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?(?::(?!80$|443$)(?:[1-9][0-9]{0,3}|[1-5][0-9]{4}))?$/
/** RFC 3986's path and query characters, without percent-encoding and dot segments. */
const PLAIN_TARGET =
  /^\/(?!\/)[\w!$&'()*+,;=:@~/-]*(?:\.[\w!$&'()*+,;=:@~-][\w!$&'()*+,;=:@~./-]*)?(?:\?[\w!$&()*+,;=:@~./?%-]*)?$/
const SCHEME = /^https?:\/\//i

function checkPath(path: string): void {
  if (path.includes('\\')) throw new BadTarget('a backslash in the path')
  if (!path.includes('%')) return
  // PostgreSQL's text and file names cannot hold it, so it is never meant.
  if (path.includes('%00')) throw new BadTarget('a NUL in the path')
  try {
    decodeURIComponent(path)
  } catch (cause) {
    throw new BadTarget('the path is not valid percent-encoded UTF-8', { cause })
  }
}

function parse(text: string): URL {
  try {
    return new URL(text)
  } catch (cause) {
    throw new BadTarget('its URL or Host header is invalid', { cause })
  }
}

function slowTarget(scheme: string, host: string, target: string): Target {
  const query = target.indexOf('?')
  checkPath(query < 0 ? target : target.slice(0, query))
  let url: URL
  if (SCHEME.test(target)) {
    url = parse(target)
    // Scheme and host of the target win over the header (RFC 9112, 3.2.2), but not over the connection.
    url.protocol = scheme
  } else {
    if (!target.startsWith('/')) throw new BadTarget('its target is no path')
    url = parse(`${scheme}://${host}`)
    if (url.pathname !== '/' || url.search !== '' || url.hash !== '')
      throw new BadTarget('its Host header is invalid')
    url = parse(`${scheme}://${host}${target}`)
  }
  if (url.username !== '' || url.password !== '') throw new BadTarget('credentials in the URL')
  url.hash = ''
  return { url: url.href, path: url.pathname, host: url.host }
}

function hosts(incoming: IncomingMessage): number {
  const raw = incoming.rawHeaders
  let count = 0
  for (let at = 0; at < raw.length; at += 2) {
    const name = raw[at]!
    if (name.length === 4 && name.toLowerCase() === 'host') count++
  }
  return count
}

/** Reads the request line and the Host header. @throws BadTarget */
export function readTarget(incoming: IncomingMessage, secure: boolean): Target {
  const target = incoming.url ?? ''
  const host = incoming.headers.host || 'localhost'
  // Node keeps the first of several; a proxy before us may have kept the last.
  if (hosts(incoming) > 1) throw new BadTarget('several Host headers')
  const scheme = secure ? 'https' : 'http'
  if (!PLAIN_HOST.test(host) || !PLAIN_TARGET.test(target) || target.includes('/.'))
    return slowTarget(scheme, host, target)
  const query = target.indexOf('?')
  return { url: `${scheme}://${host}${target}`, path: query < 0 ? target : target.slice(0, query), host }
}
