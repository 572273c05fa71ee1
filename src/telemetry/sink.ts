import { closeSync, fstatSync, openSync, renameSync, writeSync } from 'node:fs'
import type { Clock, Timer } from '../core/clock.ts'

/** Where finished log lines go. Never throws. */
export interface LogSink {
  write(line: string): void
  /** Writes what is held back, at once. */
  flush(): void
  close(): void
}

/** Lines are collected up to this size or age, because a system call a line is slow. */
const BATCH_BYTES = 16 * 1024
const BATCH_MS = 100
/** The file is moved to `<file>.1` beyond this size, so both together stay below twice this. */
export const LOG_FILE_BYTES_MAX = 64 * 1024 * 1024

/**
 * Appends to a file, in batches. A full disk loses log lines and says how many once it has room again; it does
 * not throw.
 *
 * The batches are synchronous: one takes some ten microseconds, into the system's memory, which is less than
 * handing it to a thread. And a thread's write can neither be awaited nor undone when the process exits, so
 * the last lines, which matter most, would be lost, doubled or out of order.
 */
export class FileSink implements LogSink {
  readonly #path: string
  readonly #clock: Clock
  readonly #bytesMax: number
  #fd: number | undefined
  #size = 0
  #held = ''
  #timer: Timer | undefined
  #dropped = 0
  #closed = false
  readonly #atExit = () => this.flush()

  constructor(path: string, clock: Clock, bytesMax = LOG_FILE_BYTES_MAX) {
    this.#path = path
    this.#clock = clock
    this.#bytesMax = bytesMax
    process.on('exit', this.#atExit)
  }

  write(line: string): void {
    if (this.#closed) return
    this.#held += line
    if (this.#held.length >= BATCH_BYTES) this.flush()
    else this.#timer ??= this.#clock.timer(BATCH_MS, () => this.flush())
  }

  flush(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    if (this.#held === '') return
    const batch = this.#held
    this.#held = ''
    let done = 0
    const bytes = Buffer.from(this.#dropped > 0 ? batch + this.#notice() : batch)
    try {
      const fd = this.#open()
      while (done < bytes.length) done += writeSync(fd, bytes, done)
      this.#size += done
      this.#dropped = 0
    } catch {
      // Half a line must not run into the next one that gets through.
      this.#dropped += batch.split('\n').length - 1
      if (done > 0) this.#held = '\n'
      // The folder may have been moved or the disk remounted: the next batch opens the file afresh.
      this.#closeFile()
    }
  }

  close(): void {
    if (this.#closed) return
    this.flush()
    this.#closed = true
    process.off('exit', this.#atExit)
    this.#closeFile()
  }

  #notice(): string {
    const fields = { level: 'warn', time: this.#clock.now(), dropped: this.#dropped }
    return `${JSON.stringify({ ...fields, msg: 'log lines were lost because the log could not be written' })}\n`
  }

  #open(): number {
    if (this.#fd !== undefined && this.#size > this.#bytesMax) {
      this.#closeFile()
      renameSync(this.#path, `${this.#path}.1`)
    }
    if (this.#fd === undefined) {
      this.#fd = openSync(this.#path, 'a', 0o640)
      this.#size = fstatSync(this.#fd).size
    }
    return this.#fd
  }

  #closeFile(): void {
    if (this.#fd === undefined) return
    const fd = this.#fd
    this.#fd = undefined
    try {
      closeSync(fd)
    } catch {
      // Nothing depends on it: the descriptor is gone either way.
    }
  }
}

/** Writes to a stream such as standard output, as it comes. A reader that goes away costs lines, nothing else. */
export function streamSink(stream: NodeJS.WritableStream, format: (line: string) => string): LogSink {
  const onError = () => {}
  stream.on('error', onError)
  return {
    write: (line) => {
      stream.write(format(line))
    },
    flush: () => {},
    close: () => stream.off('error', onError),
  }
}
