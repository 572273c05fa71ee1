import { join } from 'node:path'

/** Where a cluster's things lie. */
export interface ClusterPlaces {
  readonly name: string
  /** The first node's data folder; the others lie beside it. */
  readonly dataDir: string
  readonly runDir: string
  readonly logDir: string
}

/** Where the things of one node lie. */
export function nodePlaces({ name, dataDir, runDir, logDir }: ClusterPlaces, id: string) {
  const first = id === `${name}-pg-1`
  return {
    dataDir: first ? dataDir : join(dataDir, '..', id),
    runDir: first ? runDir : join(runDir, id),
    logFile: join(logDir, `${id}.log`),
  }
}
