import { connect, type Socket } from 'node:net'
import type { Clock } from '../../core/clock.ts'
import type { ControlAnswer } from '../control-answer.ts'
import { readLines, writeLine } from './lines.ts'
import type { FromNode, NodeReport, ToNode } from './messages.ts'

/** Milliseconds between two attempts to connect to a process that is about to listen. */
const RETRY_MS = 10
/** Milliseconds for an answer. */
const ANSWER_MS_MAX = 4_000

/** The supervisor's connection to a node's process, made again whenever it breaks, until it is closed. */
export class NodeLink {
  readonly #path: string
  readonly #clock: Clock
  readonly #onReport: (report: NodeReport) => void
  readonly #onPong: () => void
  readonly #waiting = new Map<number, (answer: ControlAnswer | undefined) => void>()
  /** What a process that connects late has to be told. */
  #topology: ToNode | undefined
  #socket: Socket | undefined
  #asked = 0
  #closed = false

  constructor(
    path: string,
    clock: Clock,
    on: { readonly report: (report: NodeReport) => void; readonly pong: () => void },
  ) {
    this.#path = path
    this.#clock = clock
    this.#onReport = on.report
    this.#onPong = on.pong
    this.#connect()
  }

  /** Tells it now, or when it is there. */
  tell(message: ToNode): void {
    if (message.type === 'topology') this.#topology = message
    if (this.#socket !== undefined) writeLine(this.#socket, message)
  }

  /** Undefined when it is away or does not answer in time. */
  ask(method: string, path: string, ms = ANSWER_MS_MAX): Promise<ControlAnswer | undefined> {
    const socket = this.#socket
    if (socket === undefined) return Promise.resolve(undefined)
    const id = ++this.#asked
    return new Promise((resolve) => {
      const late = this.#clock.timer(ms, () => settle(undefined))
      const settle = (answer: ControlAnswer | undefined): void => {
        late.cancel()
        this.#waiting.delete(id)
        resolve(answer)
      }
      this.#waiting.set(id, settle)
      writeLine(socket, { type: 'ask', id, method, path } satisfies ToNode)
    })
  }

  /** Resolves when all that a process has said before its end is here. */
  async ended(): Promise<void> {
    const socket = this.#socket
    if (socket && !socket.closed) await new Promise<void>((resolve) => socket.once('close', () => resolve()))
  }

  close(): void {
    this.#closed = true
    this.#socket?.destroy()
    for (const settle of this.#waiting.values()) settle(undefined)
  }

  #connect(): void {
    if (this.#closed) return
    const socket = connect(this.#path)
    socket.unref()
    socket.on('connect', () => {
      this.#socket = socket
      if (this.#topology !== undefined) writeLine(socket, this.#topology)
    })
    socket.on('error', () => socket.destroy())
    socket.on('close', () => {
      if (this.#socket === socket) this.#socket = undefined
      for (const settle of this.#waiting.values()) settle(undefined)
      if (!this.#closed) this.#clock.timer(RETRY_MS, () => this.#connect())
    })
    readLines<FromNode>(socket, (message) => {
      if (message.type === 'report') this.#onReport(message.report)
      else if (message.type === 'pong') this.#onPong()
      else this.#waiting.get(message.id)?.(message)
    })
  }
}
