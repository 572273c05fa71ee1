import { readFileSync } from 'node:fs'
import { createSecureContext } from 'node:tls'
import { TlsInvalid } from '../web/errors.ts'
import type { TlsOptions } from '../web/server.ts'
import type { StartRequest } from './start-request.ts'

/** Reads certificate and key, and tries whether they can be used. @throws TlsInvalid */
export function readTls({ tls }: Pick<StartRequest, 'tls'>): TlsOptions | undefined {
  if (tls === undefined) return undefined
  const read = (path: string): Buffer => {
    try {
      return readFileSync(path)
    } catch (cause) {
      throw new TlsInvalid(`${path} cannot be read (${(cause as NodeJS.ErrnoException).code})`, { cause })
    }
  }
  const pair = { cert: read(tls.cert), key: read(tls.key) }
  try {
    createSecureContext(pair)
  } catch (cause) {
    throw new TlsInvalid(`${tls.cert}, ${tls.key}: ${(cause as Error).message}`, { cause })
  }
  return pair
}
