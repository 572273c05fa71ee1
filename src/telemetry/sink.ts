import { closeSync, fstatSync, openSync, renameSync, write, writeSync } from 'node:fs'
import type { Clock, Timer } from '../core/clock.ts'

/** Where finished log lines go. Never throws, never waits. */
export interface LogSink {
  write(line: string): void
  /** Writes what is held back, at once. */
  flush(): void
  close(): void
}

/** Lines are collected up to this size or age, because a system call a line is slow. */
const BATCH_BYTES = 16 * 1024
const BATCH_MS = 100
/** Beyond this, while the disk does not take them, new lines are dropped and counted. */
const HELD_BYTES_MAX = 4 * 1024 * 1024
/** The file is moved to `<file>.1` beyond this size, so both together stay below twice this. */
export const LOG_FILE_BYTES_MAX = 64 * 1024 * 1024

/**
 * Appends to a file, asynchronously. A full disk loses log lines and says how many once it has room again;
 * it neither throws nor blocks.
 */
export class FileSink implements LogSink {
  readonly #path: string
  readonly #clock: Clock
  readonly #bytesMax: number
  #fd: number | undefined
  #size = 0
  #held = ''
  #writing = ''
  #timer: Timer | undefined
  #dropped = 0
  #closed = false
  readonly #atExit = () => {
    this.#finishWriting()
    this.flush()
  }

  constructor(path: string, clock: Clock, bytesMax = LOG_FILE_BYTES_MAX) {
    this.#path = path
    this.#clock = clock
    this.#bytesMax = bytesMax
    process.on('exit', this.#atExit)
  }

  write(line: string): void {
    if (this.#closed) return
    if (this.#held.length + line.length > HELD_BYTES_MAX) {
      this.#dropped++
      return
    }
    this.#held += line
    if (this.#held.length >= BATCH_BYTES) this.#send()
    else this.#timer ??= this.#clock.timer(BATCH_MS, () => this.#send())
  }

  flush(): void {
    this.#cancelTimer()
    const batch = this.#take()
    if (batch === '') return
    try {
      const bytes = Buffer.from(batch)
      let done = 0
      while (done < bytes.length) done += writeSync(this.#open(), bytes, done)
      this.#size += bytes.length
    } catch {
      this.#failed(batch)
    }
  }

  close(): void {
    if (this.#closed) return
    this.flush()
    this.#closed = true
    process.off('exit', this.#atExit)
    if (this.#writing === '') this.#closeFile()
  }

  /** At exit no callback comes any more; the file's size tells whether the last write was done. */
  #finishWriting(): void {
    if (this.#writing === '' || this.#fd === undefined) return
    const bytes = Buffer.from(this.#writing)
    try {
      const done = Math.min(bytes.length, Math.max(0, fstatSync(this.#fd).size - this.#size))
      if (done < bytes.length) writeSync(this.#fd, bytes, done)
    } catch {
      // The process ends, and there is nobody left to tell.
    }
    this.#writing = ''
  }

  #take(): string {
    let batch = this.#held
    this.#held = ''
    if (this.#dropped > 0) {
      batch += `{"level":"warn","time":${this.#clock.now()},"dropped":${this.#dropped},"msg":"log lines were lost because the log could not be written"}\n`
      this.#dropped = 0
    }
    return batch
  }

  #send(): void {
    this.#cancelTimer()
    if (this.#writing !== '' || this.#held === '') return
    const batch = this.#take()
    this.#writing = batch
    try {
      this.#writeAll(Buffer.from(batch), 0)
    } catch {
      this.#failed(batch)
    }
  }

  #writeAll(bytes: Buffer, from: number): void {
    write(this.#open(), bytes, from, (error, written) => {
      const done = from + (written ?? 0)
      if (error) this.#failed(bytes.toString('utf8', done))
      else if (done < bytes.length) this.#writeAll(bytes, done)
      else {
        this.#writing = ''
        this.#size += bytes.length
        if (this.#closed) this.#closeFile()
        else if (this.#held.length >= BATCH_BYTES) this.#send()
        else if (this.#held !== '') this.#timer ??= this.#clock.timer(BATCH_MS, () => this.#send())
      }
    })
  }

  #failed(batch: string): void {
    this.#writing = ''
    this.#dropped += batch.split('\n').length - 1
    // The folder may have been moved or the disk remounted: the next batch opens the file afresh.
    this.#closeFile()
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

  #cancelTimer(): void {
    this.#timer?.cancel()
    this.#timer = undefined
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
