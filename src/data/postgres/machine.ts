import { readFileSync } from 'node:fs'
import { availableParallelism, totalmem } from 'node:os'

/** What this process may use of the machine. */
export interface MachineSize {
  /** Processors; a fraction when a control group limits them. */
  readonly cpu: number
  readonly memoryMb: number
}

const MB = 1024 * 1024

const read = (path: string): string | undefined => {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch {
    return undefined
  }
}

/** A limit in a control group file; `max`, absent or absurdly large means none. */
export function parseLimit(text: string | undefined): number | undefined {
  if (text === undefined || text === '' || text === 'max') return undefined
  const value = Number(text)
  return Number.isFinite(value) && value > 0 && value < 2 ** 60 ? value : undefined
}

/** `cpu.max` of control groups version 2: quota and period in microseconds. */
export function parseCpuMax(text: string | undefined): number | undefined {
  const [quota, period] = text?.split(/\s+/) ?? []
  const time = parseLimit(quota)
  return time === undefined ? undefined : time / (parseLimit(period) ?? 100_000)
}

/** The folders of our own control group and its parents, innermost first, for one controller. */
function groupFolders(controller: 'memory' | 'cpu'): { v2: string[]; v1: string[] } {
  const folders = { v2: ['/sys/fs/cgroup'], v1: [`/sys/fs/cgroup/${controller}`] }
  for (const line of (read('/proc/self/cgroup') ?? '').split('\n')) {
    const [, controllers = '', path = '/'] = line.split(':')
    const base =
      controllers === '' ? folders.v2 : controllers.split(',').includes(controller) ? folders.v1 : undefined
    if (base === undefined) continue
    const root = base[0]
    for (let at = path; at !== '/' && at !== '' && at !== '.'; at = at.slice(0, at.lastIndexOf('/')))
      base.push(`${root}${at}`)
  }
  return folders
}

/** The tightest of the limits of our group and its parents. */
const tightest = (values: readonly (number | undefined)[]): number | undefined => {
  const known = values.filter((value) => value !== undefined)
  return known.length === 0 ? undefined : Math.min(...known)
}

/** Processors and memory of the machine, or of the control group that this process is limited to. */
export function machineSize(): MachineSize {
  const memory = groupFolders('memory')
  const cpu = groupFolders('cpu')
  const bytes = tightest([
    ...memory.v2.map((folder) => parseLimit(read(`${folder}/memory.max`))),
    ...memory.v1.map((folder) => parseLimit(read(`${folder}/memory.limit_in_bytes`))),
  ])
  const processors = tightest([
    ...cpu.v2.map((folder) => parseCpuMax(read(`${folder}/cpu.max`))),
    ...cpu.v1.map((folder) =>
      parseCpuMax(
        `${read(`${folder}/cpu.cfs_quota_us`) ?? 'max'} ${read(`${folder}/cpu.cfs_period_us`) ?? ''}`,
      ),
    ),
  ])
  return {
    cpu: Math.min(availableParallelism(), processors ?? Number.POSITIVE_INFINITY),
    memoryMb: Math.floor(Math.min(totalmem(), bytes ?? Number.POSITIVE_INFINITY) / MB),
  }
}
