import { createConnection, type Socket } from 'node:net'
import type { Clock } from '../../core/clock.ts'

/** Milliseconds before the first question: most starts are over by then. The same between two. */
const ASK_MS = 1_000
const LOOK_MS = 100
/**
 * Milliseconds without an answer after which a server that says that it is starting counts as silent. It forks a process for
 * each question, and nothing else: milliseconds, or a second or two on a machine that is very busy. A primary that serves is
 * given 2 s. A false alarm costs more here, as a crash recovery begins anew.
 */
const SILENT_MS = 5_000
/**
 * The same before it has said so: it makes its lock file and its shared memory, and removes temporary files of a crash, which
 * may be many. Recovery comes after that.
 */
const BEGIN_MS = 20_000

/**
 * PostgreSQL's request for an encrypted connection. It is answered by a byte before anything else, whatever state the server
 * is in, and nothing is logged when we leave then.
 */
const QUESTION = Uint8Array.of(0, 0, 0, 8, 4, 210, 22, 47)

/**
 * Asks a server by fresh connections, one a second, until it has answered none for too long: one that is stopped takes them
 * and answers nothing, one that recovers answers each. Only time in which we ran ourselves counts.
 *
 * @param begun whether the server says that it is starting, or has started
 * @returns for how many milliseconds it has been silent
 */
export async function fallsSilent(
  path: string,
  begun: () => boolean,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<number> {
  const open = new Set<Socket>()
  const close = (): void => {
    for (const socket of open) socket.destroy()
    open.clear()
  }
  let silentMs = 0
  let hasBegun = false
  try {
    await clock.sleep(ASK_MS, { signal })
    for (;;) {
      if (silentMs % ASK_MS === 0) {
        const answered = (): void => {
          silentMs = 0
          close()
        }
        open.add(ask(path, answered))
      }
      await clock.sleep(LOOK_MS, { signal })
      silentMs += LOOK_MS
      if (!hasBegun && begun()) {
        hasBegun = true
        silentMs = 0
      }
      if (silentMs >= (hasBegun ? SILENT_MS : BEGIN_MS)) return silentMs
    }
  } finally {
    close()
  }
}

/** Nobody listens yet, or the queue is full: that is no answer. */
function ask(path: string, answered: () => void): Socket {
  const socket = createConnection(path)
  socket.on('error', () => {})
  socket.once('connect', () => socket.write(QUESTION))
  socket.once('data', answered)
  return socket
}
