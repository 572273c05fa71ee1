/** A position in PostgreSQL's write-ahead log: bytes since the start of its history. */
export type Lsn = bigint

/** Reads PostgreSQL's text form, e.g. `0/3000148`. @throws RangeError when the text is not an LSN. */
export function parseLsn(text: string): Lsn {
  const match = /^([0-9A-F]{1,8})\/([0-9A-F]{1,8})$/i.exec(text)
  if (!match) throw new RangeError(`Not an LSN: ${JSON.stringify(text)}`)
  return (BigInt(`0x${match[1]}`) << 32n) | BigInt(`0x${match[2]}`)
}

/** PostgreSQL's text form. */
export function formatLsn(lsn: Lsn): string {
  return `${(lsn >> 32n).toString(16).toUpperCase()}/${(lsn & 0xffffffffn).toString(16).toUpperCase()}`
}

/**
 * The timeline in the name of a WAL file, e.g. 1 of `000000010000000000000003`.
 * @throws RangeError when the text is not such a name.
 */
export function timelineOfWalFile(name: string): number {
  if (!/^[0-9A-F]{24}$/i.test(name)) throw new RangeError(`Not a WAL file name: ${JSON.stringify(name)}`)
  return Number.parseInt(name.slice(0, 8), 16)
}
