import { type ChildProcess, fork } from 'node:child_process'
import os from 'node:os'
import type { Numbered, Order, Reply } from './protocol.ts'
import { DarkroomFailed, ImageRefused, ProcessLost } from './refusal.ts'

const ERROR_TEXT_MAX = 2000
/** Threads besides those that are busy with images, so that looking at a file does not wait for them. */
const READERS = 1

export interface RunOptions {
  readonly deadlineMs: number
  readonly signal?: AbortSignal | undefined
  readonly onReply: (reply: Reply) => void
}

/** One image process, from its start to its end. It keeps the server alive only while it works. */
export class Child {
  readonly #process: ChildProcess
  /** Resolves when it is gone. */
  readonly ended: Promise<void>
  #errors = ''
  #over = false
  #orders = 0
  /** Orders under way. */
  #running = 0

  constructor(module: URL) {
    this.#process = fork(module, [], {
      serialization: 'advanced',
      execArgv: [],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      // Nothing of the server's environment: the process reads what strangers send.
      env: { UV_THREADPOOL_SIZE: String(os.availableParallelism() + READERS), MALLOC_ARENA_MAX: '2' },
    })
    this.#process.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#errors = (this.#errors + text).slice(-ERROR_TEXT_MAX)
    })
    this.ended = new Promise<void>((resolve) => {
      this.#process.once('close', () => resolve())
      this.#process.once('error', (error) => {
        this.#errors += error.message
        resolve()
      })
    }).then(() => {
      this.#over = true
    })
    this.#hold(false)
  }

  /** Whether it ended, by itself or by {@link kill}. */
  get over(): boolean {
    return this.#over || this.#process.exitCode !== null || this.#process.signalCode !== null
  }

  get pid(): number | undefined {
    return this.#process.pid
  }

  /**
   * Carries out one order. When it takes too long or is aborted, the process is killed: native code cannot be
   * interrupted, and all orders in it are lost. @throws ImageRefused, DarkroomFailed, ProcessLost, the signal's reason
   */
  async run(order: Order, { deadlineMs, signal, onReply }: RunOptions): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const number = ++this.#orders
    const onMessage = ({ number: of, content: reply }: Numbered<Reply>): void => {
      if (of !== number) return
      if (reply.kind === 'done') resolve()
      else if (reply.kind === 'refused') reject(new ImageRefused(reply.refusal, reply.detail))
      else if (reply.kind === 'failed')
        reject(new DarkroomFailed(`The image process failed: ${reply.detail}`))
      else onReply(reply)
    }
    let killed: unknown
    const stop = (reason: unknown): void => {
      killed = reason
      void this.kill()
    }
    const onAbort = (): void => stop(signal?.reason)
    const late = (): void =>
      stop(new ProcessLost(`The image process was killed: it took longer than ${deadlineMs} ms.`))
    const deadline = setTimeout(late, deadlineMs)
    this.#process.on('message', onMessage)
    signal?.addEventListener('abort', onAbort, { once: true })
    void this.ended.then(() => reject(killed ?? this.#failure()))
    if (++this.#running === 1) this.#hold(true)
    try {
      // An error here means that it is gone: its end says more.
      this.#process.send({ number, content: order } satisfies Numbered<Order>, () => {})
      await promise
    } finally {
      if (--this.#running === 0) this.#hold(false)
      clearTimeout(deadline)
      this.#process.off('message', onMessage)
      signal?.removeEventListener('abort', onAbort)
    }
  }

  /** Resolves when it is gone. */
  async kill(): Promise<void> {
    this.#hold(true)
    this.#process.kill('SIGKILL')
    await this.ended
  }

  #failure(): ProcessLost {
    const { exitCode, signalCode } = this.#process
    const how = signalCode ? `was ended by ${signalCode}` : `ended with code ${exitCode}`
    return new ProcessLost(`The image process ${how}. ${this.#errors}`.trim())
  }

  #hold(on: boolean): void {
    const change = on ? 'ref' : 'unref'
    this.#process[change]()
    this.#process.channel?.[change]()
    const errors = this.#process.stderr as (NodeJS.ReadableStream & { ref?(): void; unref?(): void }) | null
    errors?.[change]?.()
  }
}
