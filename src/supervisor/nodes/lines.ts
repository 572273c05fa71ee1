import type { Socket } from 'node:net'

/** Characters of a line, at most; a longer one is no message of ours. */
const LINE_LENGTH_MAX = 16 * 1024 * 1024

/** Calls `onMessage` for each JSON object, one a line; whatever is none cuts the connection. */
export function readLines<Message>(socket: Socket, onMessage: (message: Message) => void): void {
  let rest = ''
  socket.setEncoding('utf8')
  socket.on('data', (chunk: string) => {
    rest += chunk
    const lines = rest.split('\n')
    rest = lines.pop() ?? ''
    if (rest.length > LINE_LENGTH_MAX) socket.destroy()
    for (const line of lines) {
      try {
        onMessage(JSON.parse(line) as Message)
      } catch (error) {
        if (!(error instanceof SyntaxError)) throw error
        socket.destroy()
        return
      }
    }
  })
}

export function writeLine(socket: Socket, message: unknown): void {
  if (!socket.destroyed) socket.write(`${JSON.stringify(message)}\n`)
}
