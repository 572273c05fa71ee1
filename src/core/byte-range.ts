/** Bytes from `first` to `last`, both included. */
export interface ByteRange {
  readonly first: number
  readonly last: number
}

const SINGLE = /^bytes=(\d{0,15})-(\d{0,15})$/

/**
 * Reads a `Range` header (RFC 9110, 14). Undefined means to send the whole: no range, several, or another
 * unit, all of which a server may ignore. `unsatisfiable` is a 416.
 */
export function parseRange(
  header: string | undefined | null,
  size: number,
): ByteRange | 'unsatisfiable' | undefined {
  const match = header == null ? null : SINGLE.exec(header.trim())
  if (!match) return undefined
  const [, from = '', to = ''] = match
  if (from === '' && to === '') return undefined
  if (from === '') {
    const length = Math.min(Number(to), size)
    return length === 0 ? 'unsatisfiable' : { first: size - length, last: size - 1 }
  }
  const first = Number(from)
  if (to !== '' && Number(to) < first) return undefined
  if (first >= size) return 'unsatisfiable'
  return { first, last: to === '' ? size - 1 : Math.min(Number(to), size - 1) }
}

/** Whether an `If-None-Match` header names `etag`, so that the client has the bytes already (RFC 9110, 13.1.2). */
export function namesEtag(ifNoneMatch: string | undefined | null, etag: string): boolean {
  return ifNoneMatch?.split(',').some((tag) => ['*', etag].includes(tag.trim().replace(/^W\//, ''))) ?? false
}
