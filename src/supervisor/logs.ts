import { closeSync, openSync, readdirSync, readSync, statSync, watch } from 'node:fs'
import { dirname, join } from 'node:path'
import type { StateFolder } from './state-folder.ts'

/** One line of a node's log, as it was written. */
export interface LogEntry {
  readonly node: string
  readonly line: string
}

export interface LogQuery {
  /** @defaultValue all nodes */
  readonly node?: string | undefined
  /** The last so many lines of each node. */
  readonly lines: number
}

/** Which node writes which file. At stage `single` two nodes have files of other names. */
export function logFiles(folder: StateFolder): Readonly<Record<string, string>> {
  const own = Object.fromEntries(
    namesIn(folder.logs)
      .filter((name) => /^[a-z0-9-]+-\d+\.log$/.test(name))
      .map((name) => [name.slice(0, -'.log'.length), join(folder.logs, name)]),
  )
  if (Object.keys(own).length === 0) return { 'web-1': folder.serverLog, 'c0-pg-1': folder.postgresLog }
  return { supervisor: folder.serverLog, ...own }
}

function namesIn(dir: string): string[] {
  try {
    return readdirSync(dir)
  } catch {
    return []
  }
}

const TAIL_BYTES_MAX = 4 * 1024 * 1024

/** The last lines of each node's log. */
export function tailLogs(folder: StateFolder, query: LogQuery): LogEntry[] {
  return chosen(folder, query).flatMap(([node, file]) => {
    const size = sizeOf(file)
    const text = readRange(file, Math.max(0, size - TAIL_BYTES_MAX), size)
    const lines = text.split('\n').filter((line) => line !== '')
    return lines.slice(Math.max(0, lines.length - query.lines)).map((line) => ({ node, line }))
  })
}

/** The last lines, then what is written, until the signal. */
export async function* followLogs(
  folder: StateFolder,
  query: LogQuery,
  signal: AbortSignal,
): AsyncGenerator<LogEntry> {
  const files = chosen(folder, query).map(([node, file]) => ({ node, file, at: sizeOf(file), rest: '' }))
  let wake: () => void = () => {}
  let changed = new Promise<void>((resolve) => {
    wake = resolve
  })
  const watcher = watch(dirname(folder.serverLog), () => wake())
  const end = (): void => wake()
  signal.addEventListener('abort', end, { once: true })
  try {
    yield* tailLogs(folder, query)
    while (!signal.aborted) {
      for (const file of files) yield* readNew(file)
      await changed
      changed = new Promise<void>((resolve) => {
        wake = resolve
      })
    }
  } finally {
    signal.removeEventListener('abort', end)
    watcher.close()
  }
}

function* readNew(file: { node: string; file: string; at: number; rest: string }): Generator<LogEntry> {
  const size = sizeOf(file.file)
  // Smaller than where we were: it was moved away, and begins anew.
  if (size < file.at) file.at = 0
  const text = file.rest + readRange(file.file, file.at, size)
  file.at = size
  const lines = text.split('\n')
  file.rest = lines.pop() ?? ''
  for (const line of lines) if (line !== '') yield { node: file.node, line }
}

const chosen = (folder: StateFolder, { node }: LogQuery): [node: string, file: string][] =>
  Object.entries(logFiles(folder)).filter(([name]) => node === undefined || name === node)

const sizeOf = (file: string): number => statSync(file, { throwIfNoEntry: false })?.size ?? 0

function readRange(file: string, from: number, to: number): string {
  if (to <= from) return ''
  const fd = openSync(file, 'r')
  try {
    const buffer = Buffer.alloc(to - from)
    return buffer.toString('utf8', 0, readSync(fd, buffer, 0, buffer.length, from))
  } finally {
    closeSync(fd)
  }
}
