/** What was asked for by `--cpu` and `--memory`. */
export interface SizeRequest {
  readonly cpu?: number | undefined
  readonly memoryMb?: number | undefined
}

/** Shares of the machine for one server process and its PostgreSQL. */
export interface ServerSize {
  /** Flags for the server's Node.js. */
  readonly nodeFlags: readonly string[]
  /** For `createPostgres`; undefined leaves its own default. */
  readonly postgres: { readonly cpu?: number; readonly memoryMb?: number }
  /** Connections per cluster, so that all clusters together leave room for administration. */
  readonly connectionsMax: number
}

/** PostgreSQL gets this share of `--memory`, Node.js's heap the next; the rest is buffers, code and the system. */
const POSTGRES_SHARE = 0.5
const HEAP_SHARE = 0.35
const HEAP_MB_MIN = 96
const POSTGRES_MB_MIN = 64
const HALF_MB_MIN = 4
const HALF_MB_MAX = 32
const HALF_PART = 128
/** Of PostgreSQL's sessions (see data/postgres/sizing.ts) this share is for the application. */
const SESSIONS_SHARE = 0.8
const SESSIONS_MIN = 60
const SESSIONS_MAX = 400
const SESSIONS_PER_CPU = 25
/** For each connection that writes the data client may open one that reads slowly. */
const SESSIONS_PER_CONNECTION = 2
const CONNECTIONS_DEFAULT = 10
const CONNECTIONS_PER_CPU = 8

/**
 * Divides what was asked for. Without a request PostgreSQL takes its small default, and Node.js grows only as far as
 * it must: an idle system stays small on any machine.
 */
export function sizeServer({ cpu, memoryMb }: SizeRequest, clusters = 1): ServerSize {
  const wanted = cpu === undefined ? CONNECTIONS_DEFAULT : Math.max(4, Math.ceil(cpu * CONNECTIONS_PER_CPU))
  const sessions = Math.min(SESSIONS_MAX, Math.max(SESSIONS_MIN, Math.ceil(cpu ?? 1) * SESSIONS_PER_CPU))
  const perCluster = Math.floor((sessions * SESSIONS_SHARE) / SESSIONS_PER_CONNECTION / clusters)
  return {
    nodeFlags: nodeFlags(memoryMb),
    postgres: {
      ...(cpu !== undefined && { cpu }),
      ...(memoryMb !== undefined && {
        memoryMb: Math.max(POSTGRES_MB_MIN, Math.floor(memoryMb * POSTGRES_SHARE)),
      }),
    },
    connectionsMax: Math.max(1, Math.min(perCluster, wanted)),
  }
}

/**
 * With a limit, the heap's halves of the young generation shrink with it; without one they are V8's 16 MB, because
 * smaller ones cost half as much CPU again under load. What an idle server does not need, trim-heap.ts gives back.
 */
function nodeFlags(memoryMb: number | undefined): string[] {
  if (memoryMb === undefined) return []
  const half = Math.min(HALF_MB_MAX, Math.max(HALF_MB_MIN, Math.floor(memoryMb / HALF_PART)))
  const heap = Math.max(HEAP_MB_MIN, Math.floor(memoryMb * HEAP_SHARE))
  return [`--max-semi-space-size=${half}`, `--max-old-space-size=${heap}`]
}
