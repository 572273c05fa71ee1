import type { IncomingMessage } from 'node:http'
import { BlockList, isIP } from 'node:net'
import { WebOptionInvalid } from '../errors.ts'

/** What is known of the client's side of the connection. */
export interface Peer {
  readonly address: string
  readonly secure: boolean
  /** Whether the other end is a proxy whose headers we believe. */
  readonly trusted: boolean
}

/** Peers on a Unix socket have no address; the name `unix` in the list trusts them. */
const UNIX = 'unix'

function plain(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address
}

function listOf(ranges: readonly string[]): (address: string) => boolean {
  const list = new BlockList()
  let unix = false
  for (const range of ranges) {
    if (range === UNIX) {
      unix = true
      continue
    }
    const [address = '', bits] = range.split('/')
    const family = isIP(address)
    const prefix = bits === undefined ? (family === 4 ? 32 : 128) : Number(bits)
    if (family === 0 || !Number.isInteger(prefix) || prefix < 0 || prefix > (family === 4 ? 32 : 128))
      throw new WebOptionInvalid(
        `"${range}" in trustedProxies is no address or range.`,
        'Give addresses such as 10.0.0.7, ranges such as 10.0.0.0/8, or the word unix for a Unix socket.',
      )
    list.addSubnet(address, prefix, family === 4 ? 'ipv4' : 'ipv6')
  }
  return (address) => {
    if (address === '') return unix
    const family = isIP(address)
    return family !== 0 && list.check(address, family === 4 ? 'ipv4' : 'ipv6')
  }
}

/** The last address of X-Forwarded-For that is not one of our proxies: the first that a stranger cannot forge. */
function forwardedAddress(header: string, isProxy: (address: string) => boolean, peer: string): string {
  let client = peer
  for (const entry of header.split(',').reverse()) {
    const address = plain(entry.trim())
    if (isIP(address) === 0) break
    client = address
    if (!isProxy(address)) break
  }
  return client
}

/**
 * Returns what reads the client's address. Headers of proxies count only when the connection itself comes
 * from one of `trustedProxies`; by default from none.
 */
export function peerReader(trustedProxies: readonly string[]): (incoming: IncomingMessage) => Peer {
  const isProxy = trustedProxies.length === 0 ? undefined : listOf(trustedProxies)
  return (incoming) => {
    const { socket } = incoming
    const secure = (socket as { encrypted?: boolean }).encrypted === true
    const address = plain(socket.remoteAddress ?? '')
    if (!isProxy?.(address)) return { address, secure, trusted: false }
    const forwarded = incoming.headers['x-forwarded-for']
    const proto = incoming.headers['x-forwarded-proto']
    return {
      address: typeof forwarded === 'string' ? forwardedAddress(forwarded, isProxy, address) : address,
      secure: typeof proto === 'string' ? proto.trim().toLowerCase() === 'https' : secure,
      trusted: true,
    }
  }
}
