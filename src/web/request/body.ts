import type { IncomingMessage } from 'node:http'
import { BadTarget, BodyTooLarge, ClientGone } from '../errors.ts'

const EMPTY = new Uint8Array(0)

/** Whether the request announces a body. */
export function hasBody(incoming: IncomingMessage): boolean {
  const { headers } = incoming
  return headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0'
}

/** A body that is being read. */
export interface BodyReader {
  readonly bytes: Promise<Uint8Array<ArrayBuffer>>
  /** Bytes so far, for the minimum rate. */
  received(): number
  /** Ends the reading; `bytes` rejects with `reason`. */
  cancel(reason: Error): void
}

/**
 * Reads a body into memory before the app runs: a client that stalls then holds a socket and a buffer, never
 * a database connection.
 */
export function readBody(incoming: IncomingMessage, bytesMax: number): BodyReader {
  const announced = Number(incoming.headers['content-length'] ?? 0)
  const chunks: Buffer[] = []
  let received = 0
  let cancel: (reason: Error) => void = () => {}
  const bytes = new Promise<Uint8Array<ArrayBuffer>>((resolve, reject) => {
    const settle = (done: () => void): void => {
      incoming.off('data', onData).off('end', onEnd).off('error', onError).off('close', onClose)
      done()
    }
    cancel = (reason) => settle(() => reject(reason))
    const onData = (chunk: Buffer): void => {
      received += chunk.length
      if (received > bytesMax) cancel(new BodyTooLarge(bytesMax))
      else chunks.push(chunk)
    }
    const onEnd = (): void => settle(() => resolve(joined(chunks)))
    // The parser reports a body that breaks the rules of its coding as an error without a live client.
    const onError = (cause: Error): void =>
      cancel(incoming.socket.destroyed ? new ClientGone() : new BadTarget('its body is broken', { cause }))
    const onClose = (): void => cancel(new ClientGone())
    if (announced > bytesMax) return reject(new BodyTooLarge(bytesMax))
    incoming.on('data', onData).on('end', onEnd).on('error', onError).on('close', onClose)
  })
  return { bytes, received: () => received, cancel: (reason) => cancel(reason) }
}

function joined(chunks: Buffer[]): Uint8Array<ArrayBuffer> {
  if (chunks.length === 0) return EMPTY
  return (chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)) as Uint8Array<ArrayBuffer>
}
