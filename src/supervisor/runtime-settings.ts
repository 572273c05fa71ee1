import type { Logger } from '../core/log.ts'
import type { ClusterOptions } from '../data/client/types.ts'
import { sizeServer } from './sizing.ts'
import type { StartRequest } from './start-request.ts'
import type { StateFolder } from './state-folder.ts'

/** What every process of a system makes its runtime with. Its jobs begin when it says so. */
export function runtimeSettings(
  request: StartRequest,
  folder: StateFolder,
  { clusters, log }: { readonly clusters: readonly ClusterOptions[]; readonly log: Logger },
) {
  return {
    clusters,
    connectionsMax: sizeServer(request, clusters.length).connectionsMax,
    log,
    secureCookies: request.tls !== undefined,
    blobFolder: folder.blobs,
    spoolFolder: folder.spool,
    runJobs: 'later' as const,
    // Who saves a file wants to see it: jobs that run begin again in the new process.
    ...(request.watch && { jobTimes: { stop: 100, abort: 100 } }),
    ...(request.trustedProxies !== undefined && { trustedProxies: request.trustedProxies }),
  }
}
