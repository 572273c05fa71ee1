import { isIP } from 'node:net'

/** Where a relay can be reached: a Unix socket of this machine, or TCP, which needs a secret. */
export type RelayAddress =
  | { readonly socketPath: string }
  | { readonly port: number /** @defaultValue '127.0.0.1' */; readonly host?: string }

/** Bytes that a secret has, at least. */
export const SECRET_BYTES_MIN = 32

/** As it is written in logs. */
export function addressText(address: RelayAddress): string {
  if ('socketPath' in address) return `unix:${address.socketPath}`
  const { host = '127.0.0.1', port } = address
  return `tcp://${isIP(host) === 6 ? `[${host}]` : host}:${port}`
}

/** @throws RangeError when somebody could read or forge effects: TCP without a secret, or a short one */
export function requireSecret(addresses: readonly RelayAddress[], secret: Buffer | undefined): void {
  if (secret !== undefined && secret.length < SECRET_BYTES_MIN)
    throw new RangeError(`The relay's secret has ${secret.length} bytes; ${SECRET_BYTES_MIN} is the least`)
  const open = addresses.find((address) => !('socketPath' in address))
  if (open !== undefined && secret === undefined)
    throw new RangeError(`A relay on ${addressText(open)} needs a secret; a Unix socket does without`)
}
