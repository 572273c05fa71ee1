import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ClusterOptions } from '../data/client/types.ts'
import type { ClusterTopology } from '../data/failover/topology.ts'
import type { Topology } from './nodes/messages.ts'

/**
 * The topology epoch. It rises over the lives of supervisors: a node that lives on must not take what a new one says for old.
 * Not synced to disk: it matters only as long as processes live that have heard of it.
 */
export class TopologyEpoch {
  readonly #file: string
  #epoch: number

  constructor(stateFolder: string) {
    this.#file = join(stateFolder, 'topology.json')
    this.#epoch = readEpoch(this.#file)
  }

  get current(): number {
    return this.#epoch
  }

  /** A node has heard of this one. @returns whether what we have told since, if anything, is nothing new to it */
  raise(epoch: number): boolean {
    if (epoch < this.#epoch) return false
    this.#epoch = epoch
    return true
  }

  /** @param onFailure is told why it is not on disk: on a full one the nodes have to hear all the same who is there */
  next(onFailure: (error: unknown) => void): number {
    this.#epoch += 1
    const temporary = `${this.#file}.tmp`
    try {
      writeFileSync(temporary, `${JSON.stringify({ epoch: this.#epoch })}\n`, { mode: 0o600 })
      renameSync(temporary, this.#file)
    } catch (error) {
      onFailure(error)
    }
    return this.#epoch
  }
}

function readEpoch(file: string): number {
  try {
    const { epoch } = JSON.parse(readFileSync(file, 'utf8')) as { epoch: number }
    return Number.isSafeInteger(epoch) ? epoch : 0
  } catch {
    return 0
  }
}

/** A cluster as its nodes are told of it: those that can be reached. */
export function clusterMessage(
  name: string,
  { primary, members, losses }: ClusterTopology,
): Topology['clusters'][number] {
  return {
    name,
    primary,
    losses,
    members: members.flatMap(({ id, address }) => {
      if (address === undefined) return []
      const { socketDir: host, port, user, password } = address
      return [{ id, connection: { host, port, user, password } }]
    }),
  }
}

/** A cluster of databases that are not ours, as nodes are told of it. Who its primary is they find out. */
export function externalMessage({ name, connection, members }: ClusterOptions): Topology['clusters'][number] {
  const all = members ?? [{ id: `${name}-pg-1`, connection }]
  return { name, primary: all[0]!.id, members: all }
}
