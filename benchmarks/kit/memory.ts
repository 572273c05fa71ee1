import { readFileSync } from 'node:fs'

/** Memory of one process in KiB, as Linux counts it. */
export interface Memory {
  /** Proportional set size: what is its own, and of what is shared its part. */
  readonly pssKib: number
  /** What no other process has, and anonymous memory's part: PostgreSQL's shared buffers are shared among its own. */
  readonly ownKib: number
  /** By file: resident pages of programs and libraries that other processes have, too. */
  readonly filesKib: ReadonlyMap<string, number>
}

const FIELD = /^(Pss|Private_Clean|Private_Dirty|Shared_Clean|Shared_Dirty):\s+(\d+) kB/
const HEAD = /^[0-9a-f]+-[0-9a-f]+ \S+ \S+ (\S+) (\d+)\s*(.*)$/

export function memoryOf(pid: number): Memory {
  let [pssKib, ownKib, file] = [0, 0, '']
  const filesKib = new Map<string, number>()
  for (const line of readFileSync(`/proc/${pid}/smaps`, 'utf8').split('\n')) {
    const head = HEAD.exec(line)
    if (head) {
      const [, , inode, path = ''] = head
      // Shared memory of PostgreSQL has a name but no file on a disk.
      file = inode === '0' || /^\/(dev|SYSV)|deleted/.test(path) ? '' : path
      continue
    }
    const [, name, amount] = FIELD.exec(line) ?? []
    const kib = Number(amount)
    if (name === undefined) continue
    if (name === 'Pss') pssKib += kib
    if (file === '') ownKib += name === 'Pss' ? kib : 0
    else if (name.startsWith('Private')) ownKib += kib
    else if (name.startsWith('Shared')) filesKib.set(file, (filesKib.get(file) ?? 0) + kib)
  }
  return { pssKib, ownKib, filesKib }
}

/**
 * What processes would take with the machine to themselves. PSS alone flatters: whoever else runs Node.js or
 * PostgreSQL from the same files, this benchmark included, takes over a part of their pages. Here each file's
 * shared pages count once and whole.
 */
export function aloneKib(memories: readonly Memory[]): number {
  const files = new Map<string, number>()
  for (const { filesKib } of memories) {
    for (const [file, kib] of filesKib) files.set(file, Math.max(files.get(file) ?? 0, kib))
  }
  return (
    memories.reduce((sum, { ownKib }) => sum + ownKib, 0) + [...files.values()].reduce((a, b) => a + b, 0)
  )
}
