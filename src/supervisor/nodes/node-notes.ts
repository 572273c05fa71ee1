import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { basename, join } from 'node:path'
import { makeFolder, replaceFile } from '../../data/postgres/files.ts'
import { isAlive, type ProcessIdentity } from '../../data/postgres/process.ts'

/** What a supervisor has to know of a node's process that an earlier one started. */
export interface NodeNote extends ProcessIdentity {
  /** Of everything that it was started with: one that was started otherwise is replaced. */
  readonly fingerprint: string
  /** Milliseconds since the epoch. */
  readonly startedAt: number
  /** The TCP port that it has, or takes; 0: none yet, or none at all. */
  readonly port: number
}

const folderOf = (stateFolder: string): string => join(stateFolder, 'nodes')
const fileOf = (stateFolder: string, id: string): string => join(folderOf(stateFolder), `${id}.json`)

export function noteNode(stateFolder: string, id: string, note: NodeNote): void {
  makeFolder(folderOf(stateFolder), 0o700)
  replaceFile(fileOf(stateFolder, id), `${JSON.stringify(note)}\n`)
}

export function forgetNode(stateFolder: string, id: string): void {
  rmSync(fileOf(stateFolder, id), { force: true })
}

/** Undefined when it does not run any more. */
export function readNode(stateFolder: string, id: string): NodeNote | undefined {
  try {
    const note = JSON.parse(readFileSync(fileOf(stateFolder, id), 'utf8')) as NodeNote
    return isAlive(note) ? note : undefined
  } catch {
    return undefined
  }
}

/** Every node that still runs, under whatever layout it was started. */
export function notedNodes(stateFolder: string): { readonly id: string; readonly note: NodeNote }[] {
  const folder = folderOf(stateFolder)
  if (!existsSync(folder)) return []
  return readdirSync(folder).flatMap((file) => {
    const id = basename(file, '.json')
    const note = readNode(stateFolder, id)
    return note === undefined ? [] : [{ id, note }]
  })
}
