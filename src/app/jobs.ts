import { systemClock } from '../core/clock.ts'
import type { SystemStore } from '../core/ports.ts'
import type { Rider } from '../core/rider.ts'
import { type SeenDirectory, seenOfJob } from '../core/seen-record.ts'
import type { TxHandle } from '../data/client/transaction.ts'
import type { DataClient } from '../data/index.ts'
import { clusterOf } from '../data/shards/directory.ts'
import { createJobs, type FencedWrite, type JobsParts } from '../jobs/index.ts'
import type { JointsBase } from './joints.ts'
import { type OutboxPorts, transactionWithOutbox } from './outbox.ts'
import type { RuntimeOptions } from './runtime.ts'
import type { AppDefinition } from './types.ts'

/** What jobs use that is made after them. */
export interface LateParts {
  system?: unknown
  outbox?: OutboxPorts
}

/** Jobs on the data client: their own writes take the completion along with their COMMIT. */
export function wireJobs(
  base: JointsBase & { readonly store: SystemStore },
  { options: { jobs = [] } }: AppDefinition,
  options: RuntimeOptions,
  directory: SeenDirectory,
  late: LateParts,
): JobsParts {
  const { data, store, sessions, storage, clock, random, log, metrics } = base
  return createJobs({
    jobs,
    system: () => late.system,
    store,
    sessions,
    storage,
    write: fencedWrite(data, late),
    clusterOf: (place) =>
      place === 'home' ? (data.clusterNames[0] as string) : clusterOf(data.directory, place),
    seen: (text, cluster, position) => seenOfJob(directory, text, { cluster, position }),
    // Leases are by PostgreSQL's clock; waits of the worker are real, also when a test moves the application's clock.
    clock: options.runJobs === false ? clock : systemClock,
    random,
    log,
    metrics,
    slots: options.jobSlots,
    soleWorker: options.soleWorker,
    times: options.jobTimes,
  })
}

function fencedWrite(data: DataClient, late: LateParts): FencedWrite {
  return (place, name, work, last, options) => {
    const rider: Rider = {
      statements: () => [last],
      sending: () => {},
      committed: () => {},
      rolledBack: () => {},
      unknown: () => {},
    }
    const run = (tx: TxHandle<unknown>): Promise<unknown> => {
      tx.ride(rider)
      return work(transactionWithOutbox(late.outbox as OutboxPorts, tx, place) as never)
    }
    if (place === 'home') return data.writeHome(name, run, options)
    return data.writeAt({ key: `job#${place.bucket}.${place.tag}`, placement: place }, name, run, options)
  }
}
