import { existsSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Clock } from '../core/clock.ts'
import { endPostmaster } from '../data/postgres/end.ts'
import { watch } from '../data/postgres/launch.ts'
import { takeLock } from '../data/postgres/lock.ts'
import { findRunning } from '../data/postgres/postmaster-file.ts'
import type { ProcessIdentity } from '../data/postgres/process.ts'
import { makeRecordDir } from '../data/postgres/record.ts'
import { endNode } from './nodes/end-node.ts'
import { forgetNode, notedNodes } from './nodes/node-notes.ts'
import { own } from './ownership.ts'
import { type StateFolder, stateFolder } from './state-folder.ts'

/** What a start goes on with, or replaces by itself. */
export interface Wanted {
  /** Ids. */
  readonly nodes: readonly string[]
  readonly dataDirs: readonly string[]
}

/** After a stop. */
export const NOTHING: Wanted = { nodes: [], dataDirs: [] }

/** Data folders of nodes; one that was kept after a failover is nobody's, see `lostFolders`. */
const DATA_FOLDER = /^c\d+(-pg-\d+)?$/

/**
 * Ends what an earlier system of this folder left running, under whatever layout, and nobody adopts. Two systems on one
 * database would not know of each other. Nodes first: they may still have something to write. The caller holds the folder's lock.
 *
 * @throws DataFolderInUse when a server has an owner
 */
export async function endUnwanted(folder: StateFolder, wanted: Wanted, clock: Clock): Promise<void> {
  const { nodes, servers } = unwanted(folder, wanted)
  await Promise.all(
    nodes.map(async ({ id, note }) => {
      await endNode(note, clock)
      forgetNode(folder.path, id)
    }),
  )
  await Promise.all(servers.map((dir) => endServer(dir, clock)))
}

/**
 * Ends all that a server process has left which was to be stopped and died instead, or was never there.
 *
 * @returns the process ids
 * @throws AlreadyRunning when the folder has a server again
 */
export async function endLeftRunning(stateFolderPath: string, clock: Clock): Promise<number[]> {
  const folder = stateFolder(stateFolderPath)
  const { nodes, servers } = unwanted(folder, NOTHING)
  const pids = [...nodes.map(({ note }) => note.pid), ...servers.flatMap((dir) => serverOf(dir)?.pid ?? [])]
  if (pids.length === 0) return pids
  const owned = own(folder.path)
  try {
    await endUnwanted(folder, NOTHING, clock)
  } finally {
    owned.release()
  }
  return pids
}

function unwanted(folder: StateFolder, wanted: Wanted) {
  return {
    nodes: notedNodes(folder.path).filter(({ id }) => !wanted.nodes.includes(id)),
    servers: dataDirs(folder).filter((dir) => !wanted.dataDirs.includes(dir)),
  }
}

function dataDirs(folder: StateFolder): string[] {
  const parent = dirname(folder.pg)
  if (!existsSync(parent)) return []
  return readdirSync(parent)
    .filter((name) => DATA_FOLDER.test(name))
    .map((name) => join(parent, name))
}

const serverOf = (dataDir: string): ProcessIdentity | undefined => findRunning(dataDir).postmaster

async function endServer(dataDir: string, clock: Clock): Promise<void> {
  const server = serverOf(dataDir)
  if (server === undefined) return
  const lock = takeLock(makeRecordDir(dataDir), dataDir)
  try {
    await endPostmaster(watch(server, clock), 'fast', dataDir, clock)
  } finally {
    lock.release()
  }
}
