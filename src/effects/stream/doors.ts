import { type FSWatcher, watch } from 'node:fs'
import { createConnection, type Socket } from 'node:net'
import { basename, dirname } from 'node:path'
import { addressText, type RelayAddress } from './address.ts'
import type { Connect } from './channel.ts'
import {
  DOWN_BYTES_MAX,
  type Down,
  decodeDown,
  decodeUp,
  encodeDown,
  encodeUp,
  UP_BYTES_MAX,
  type Up,
} from './messages.ts'
import { type SharedFrames, SocketChannel } from './socket.ts'
import type { Door } from './subscription.ts'

/** The way to a relay. */
export function doorTo(address: RelayAddress): Door {
  const connect: Connect<Down, Up> = (events) => {
    const socket =
      'socketPath' in address
        ? createConnection({ path: address.socketPath })
        : createConnection({ host: address.host ?? '127.0.0.1', port: address.port })
    return new SocketChannel(
      socket,
      { encode: encodeUp, decode: decodeDown, bytesMax: DOWN_BYTES_MAX },
      events,
    )
  }
  const name = addressText(address)
  if (!('socketPath' in address)) return { name, connect }
  return { name, connect, watch: (opened) => watchSocket(address.socketPath, opened) }
}

/** Makes the channels of sockets that a relay has accepted. */
export function accepted(): (socket: Socket) => Connect<Up, Down> {
  const shared: SharedFrames<Down> = new WeakMap()
  const codec = { encode: encodeDown, decode: decodeUp, bytesMax: UP_BYTES_MAX }
  return (socket) => (events) => new SocketChannel(socket, codec, events, shared)
}

/** Tells when something happens to the socket's name. Without its folder nothing can: then only trying helps. */
function watchSocket(path: string, changed: () => void): () => void {
  let watcher: FSWatcher | undefined
  const end = (): void => watcher?.close()
  try {
    watcher = watch(dirname(path), { persistent: false }, (_, name) => {
      if (name !== basename(path)) return
      end()
      changed()
    })
    watcher.on('error', end)
  } catch {
    return () => {}
  }
  return end
}
