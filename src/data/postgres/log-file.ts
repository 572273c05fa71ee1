import { closeSync, copyFileSync, openSync, readSync, statSync, truncateSync } from 'node:fs'
import { dirname } from 'node:path'
import { makeFolder } from './files.ts'
import { LOG_BYTES_MAX } from './types.ts'

const TAIL_BYTES = 8192
const TAIL_LINES = 12

/** Where a run's part of the log begins. */
export function logSize(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0
}

/** The last lines that were logged after `from`; empty when the file is gone. */
export function logTail(file: string, from = 0): string {
  let fd: number
  try {
    fd = openSync(file, 'r')
  } catch {
    return ''
  }
  try {
    const size = logSize(file)
    // Smaller than where we began: it was moved away meanwhile, all of it is ours.
    const start = Math.max(size < from ? 0 : from, size - TAIL_BYTES)
    const buffer = Buffer.alloc(Math.max(0, size - start))
    const length = readSync(fd, buffer, 0, buffer.length, start)
    return buffer.toString('utf8', 0, length).trimEnd().split('\n').slice(-TAIL_LINES).join('\n')
  } finally {
    closeSync(fd)
  }
}

/** Opens the log for appending, for the server's stderr. Close it after the spawn. */
export function openLog(file: string): number {
  makeFolder(dirname(file), 0o700)
  return openSync(file, 'a', 0o600)
}

/**
 * Keeps the log bounded, also while the server writes to it: it appends, so after the truncation it goes on at
 * the new end. Lines written between the copy and the truncation are lost; a log may lose some.
 */
export function rotateLog(file: string, limit = LOG_BYTES_MAX): boolean {
  if (logSize(file) <= limit) return false
  copyFileSync(file, `${file}.1`)
  truncateSync(file, 0)
  return true
}
