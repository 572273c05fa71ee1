import { unlink } from 'node:fs/promises'
import { type AddressInfo, connect, isIPv6, type ListenOptions, type Server } from 'node:net'
import { AddressRefused, AddressTaken } from './errors.ts'

/** A TCP port (0 takes a free one), or a Unix socket. */
export type ListenAddress =
  | { readonly port: number /** @defaultValue '127.0.0.1' */; readonly host?: string; readonly flag?: string }
  | {
      readonly socketPath: string /** Only this user may connect. @defaultValue false */
      readonly own?: boolean
    }

/** Bytes of a Unix socket's path on Linux and macOS, whichever is shorter. */
export const SOCKET_PATH_BYTES_MAX = 103

/** What is taken away from whatever this process creates: others and the group may not use the socket. */
const OWN_MASK = 0o177

const listenOnce = (server: Server, options: ListenOptions, own = false): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', reject)
    // Bound within this call: there is no moment at which somebody else could connect.
    const mask = own ? process.umask(OWN_MASK) : undefined
    try {
      server.listen(options, () => {
        server.off('error', reject)
        resolve()
      })
    } finally {
      if (mask !== undefined) process.umask(mask)
    }
  })

/** Whether a process answers on the socket; a killed one leaves the file behind. */
const isAlive = (path: string): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(path)
    socket.on('error', () => resolve(false))
    socket.on('connect', () => {
      socket.destroy()
      resolve(true)
    })
  })

function explainFailure(error: unknown, name: string, flag: string): unknown {
  const code = (error as NodeJS.ErrnoException).code
  if (code === 'EADDRINUSE') return new AddressTaken(name, flag, { cause: error })
  if (code === 'EACCES' || code === 'EPERM')
    return new AddressRefused(name, 'this user may not', flag, { cause: error })
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND')
    return new AddressRefused(name, 'this machine does not have that address', flag, { cause: error })
  if (code === 'ENOENT' || code === 'EINVAL' || code === 'ERR_SOCKET_BAD_PORT')
    return new AddressRefused(name, 'there is no such place', flag, { cause: error })
  return error
}

/** Starts listening and returns the URL. @throws AddressTaken @throws AddressRefused */
export async function listen(server: Server, address: ListenAddress, tls: boolean): Promise<string> {
  if ('socketPath' in address) {
    const { socketPath, own } = address
    const name = `The socket ${socketPath}`
    if (Buffer.byteLength(socketPath) > SOCKET_PATH_BYTES_MAX)
      throw new AddressRefused(
        name,
        `its path is longer than ${SOCKET_PATH_BYTES_MAX} bytes`,
        'a shorter path',
      )
    try {
      await listenOnce(server, { path: socketPath }, own)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE' || (await isAlive(socketPath)))
        throw explainFailure(error, name, 'another path')
      await unlink(socketPath)
      await listenOnce(server, { path: socketPath }, own)
    }
    return `unix:${socketPath}`
  }
  const { host = '127.0.0.1', port, flag = '--port' } = address
  try {
    await listenOnce(server, { host, port })
  } catch (error) {
    throw explainFailure(error, `Port ${port} of ${host}`, flag)
  }
  const bound = server.address() as AddressInfo
  return `${tls ? 'https' : 'http'}://${isIPv6(bound.address) ? `[${bound.address}]` : bound.address}:${bound.port}`
}
