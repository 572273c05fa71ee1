import { PostgresSizeInvalid } from './errors.ts'

/** What PostgreSQL may use. */
export interface PostgresSize {
  /** Processors; may be a fraction. */
  readonly cpu: number
  /** Megabytes. */
  readonly memoryMb: number
}

/** @defaultValue megabytes when nothing is asked for: shared buffers as PostgreSQL ships them */
export const MEMORY_MB_DEFAULT = 512
/** Less than this and PostgreSQL has no room for its own catalogue. */
export const MEMORY_MB_MIN = 64
const clamp = (value: number, low: number, high: number): number => Math.min(high, Math.max(low, value))

/** When nothing is asked for: at most a quarter of the machine, which the app's own process shares. */
export const defaultMemoryMb = (machineMb: number): number =>
  clamp(Math.floor(machineMb / 4), MEMORY_MB_MIN, MEMORY_MB_DEFAULT)

const MEMORY_MB_MAX = 4 * 1024 * 1024
const CPU_MAX = 1024

const mb = (value: number): string => `${Math.floor(value)}MB`

function check(size: PostgresSize): void {
  if (!(size.cpu > 0 && size.cpu <= CPU_MAX))
    throw new PostgresSizeInvalid(
      `${size.cpu} is not a number of processors.`,
      `Give more than 0 and at most ${CPU_MAX}.`,
    )
  if (!(size.memoryMb >= MEMORY_MB_MIN && size.memoryMb <= MEMORY_MB_MAX))
    throw new PostgresSizeInvalid(
      `PostgreSQL cannot work with ${size.memoryMb} MB.`,
      `Give it at least ${MEMORY_MB_MIN} MB (and at most 4 TB).`,
    )
}

/**
 * Settings for a server that may use so much: a quarter for shared buffers, the rest for sorts, maintenance
 * and the operating system's cache, as PostgreSQL's documentation advises for a machine that does nothing else.
 */
export function sizeSettings(size: PostgresSize): Record<string, string> {
  check(size)
  const cores = Math.max(1, Math.ceil(size.cpu))
  const memory = size.memoryMb
  // Each costs 60 KB of memory that is touched at the start, used or not.
  const connections = clamp(cores * 25, 60, 400)
  const buffers = clamp(memory / 4, 16, 64 * 1024)
  return {
    max_connections: String(connections),
    shared_buffers: mb(buffers),
    effective_cache_size: mb(memory * 0.75),
    // A query may use this several times; a third of the memory over all connections leaves room for that.
    work_mem: mb(clamp(memory / 3 / (connections / 4), 4, 256)),
    maintenance_work_mem: mb(clamp(memory / 16, 16, 2048)),
    autovacuum_work_mem: mb(clamp(memory / 32, 16, 1024)),
    wal_buffers: mb(clamp(buffers / 32, 1, 64)),
    min_wal_size: mb(clamp(memory / 8, 80, 2048)),
    max_wal_size: mb(clamp(memory * 2, 512, 32 * 1024)),
    max_worker_processes: String(Math.max(8, cores * 2)),
    max_parallel_workers: String(cores),
    // One query of a busy server should not take every processor; on one or two none can be spared.
    max_parallel_workers_per_gather: String(cores <= 2 ? 0 : clamp(Math.floor(cores / 4), 1, 4)),
    max_parallel_maintenance_workers: String(cores <= 2 ? 0 : clamp(Math.floor(cores / 2), 1, 8)),
    autovacuum_max_workers: String(clamp(cores, 2, 8)),
    // Each reader process costs memory also when idle; on a small server the backend reads by itself.
    ...(cores <= 2
      ? { io_method: 'sync' }
      : { io_method: 'worker', io_workers: String(clamp(Math.floor(cores / 2), 2, 8)) }),
  }
}
