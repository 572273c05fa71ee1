import { chmodSync, rmSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import type { ControlAnswer } from '../control-answer.ts'
import { prepareSocketFolder, socketPathOf } from '../control-path.ts'
import { readLines, writeLine } from './lines.ts'
import type { FromNode, NodeReport, ToNode } from './messages.ts'

/** What a node does when it is told something. */
export interface NodeEars {
  readonly topology: (message: Extract<ToNode, { type: 'topology' }>) => void
  readonly stop: (fast: boolean) => void
  readonly renew: () => void
  readonly ask: (method: string, path: string) => Promise<ControlAnswer>
}

/** The socket of a node's process: a supervisor connects, tells, and is told. It may go and another may come. */
export interface NodeSocket {
  /** Tells everyone who is connected, and everyone who connects from now on. */
  report(report: NodeReport): void
  /** Resolves when a supervisor has been here: whoever ends before that has told nobody why. */
  readonly heard: Promise<void>
  close(): Promise<void>
}

export const nodeSocketPath = (stateFolder: string, id: string): string =>
  socketPathOf(stateFolder, `${id}.sock`)

/** Listens on a Unix socket that only this user can open. */
export async function openNodeSocket(
  stateFolder: string,
  first: NodeReport,
  ears: NodeEars,
): Promise<NodeSocket> {
  const path = nodeSocketPath(stateFolder, first.id)
  prepareSocketFolder(path)
  // Of a process of this name that was killed: its supervisor has seen to it that there is only one.
  rmSync(path, { force: true })
  const sockets = new Set<Socket>()
  const came = Promise.withResolvers<void>()
  let current = first
  const server = createServer((socket) => {
    sockets.add(socket)
    came.resolve()
    socket.on('error', () => socket.destroy())
    socket.on('close', () => sockets.delete(socket))
    readLines<ToNode>(socket, (message) => void hear(ears, socket, message))
    tell(socket, { type: 'report', report: current })
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(path, resolve)
  })
  chmodSync(path, 0o600)
  return {
    report: (report) => {
      current = report
      for (const socket of sockets) tell(socket, { type: 'report', report })
    },
    heard: came.promise,
    close: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      for (const socket of sockets) socket.end()
      await closed
    },
  }
}

const tell = (socket: Socket, message: FromNode): void => writeLine(socket, message)

async function hear(ears: NodeEars, socket: Socket, message: ToNode): Promise<void> {
  switch (message.type) {
    case 'topology':
      return ears.topology(message)
    case 'stop':
      return ears.stop(message.fast)
    case 'renew':
      return ears.renew()
    case 'ping':
      return tell(socket, { type: 'pong' })
    case 'ask': {
      const { id, method, path } = message
      const answer = await ears
        .ask(method, path)
        .catch((error: unknown) => ({ status: 500, body: { title: String(error) } }))
      return tell(socket, { type: 'answer', id, ...answer })
    }
  }
}
