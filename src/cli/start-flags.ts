import { STAGES, type Stage } from '../core/topology.ts'
import { REPLICAS_MAX } from '../data/failover/options.ts'
import type { RawConfig } from '../supervisor/config/load.ts'
import { ConfigInvalid, StageUnavailable } from '../supervisor/errors.ts'

/** What commander makes of the flags of `tenfold start`. */
export interface StartFlags {
  readonly stage?: string
  readonly clusters?: number
  readonly port?: number
  readonly consolePort?: number
  readonly data?: string
  readonly database?: string[]
  readonly pgBin?: string
  readonly cpu?: number
  readonly memory?: string
  readonly watch?: true
  readonly config?: string
  readonly json?: true
  readonly debug?: true
  readonly web?: string
  readonly replicas?: string
  readonly durability?: string
  readonly edges?: string
  readonly workers?: string
  readonly cache?: string
  readonly balancer?: string
}

/** The stages that this version has. */
export const STAGES_HERE = ['single', 'split', 'replicated'] as const

/** Replicas of each primary at stage `replicated`. */
export const REPLICAS_DEFAULT = 2
const WORKERS_MAX = 64

/** Flags that belong to a later stage, and that stage. */
const LATER = {
  web: 'balanced',
  edges: 'edge',
  cache: 'cached',
  balancer: 'balanced',
} as const

/** What the flags say of the ladder. */
export interface Layout {
  readonly stage: Stage
  readonly replicas: number
  readonly workers: number
}

/** Refuses what this version cannot do. @throws StageUnavailable, ConfigInvalid */
export function checkStage(flags: StartFlags): Layout {
  const { stage = 'single' } = flags
  const name = /^\d+$/.test(stage) ? STAGES[Number(stage) - 1] : STAGES.find((known) => known === stage)
  const here = `This version has ${STAGES_HERE.map((one) => `\`${one}\``).join(', ')}.`
  if (name === undefined)
    throw new StageUnavailable(
      `There is no stage ${JSON.stringify(stage)}.`,
      `${here} The ladder is: ${STAGES.join(', ')}.`,
    )
  if (!STAGES_HERE.some((one) => one === name))
    throw new StageUnavailable(
      `Stage \`${name}\` is not in this version.`,
      `${here} The app itself stays the same on the way up.`,
    )
  for (const [flag, later] of Object.entries(LATER)) {
    if (flags[flag as keyof typeof LATER] === undefined) continue
    throw new StageUnavailable(
      `--${flag} belongs to stage \`${later}\`, which is not in this version.`,
      `Leave --${flag} out. ${here}`,
    )
  }
  if (name === 'single') refuseAtSingle(flags)
  const replicas = count(flags, 'replicas', REPLICAS_MAX) ?? (name === 'replicated' ? REPLICAS_DEFAULT : 0)
  return { stage: name, replicas, workers: count(flags, 'workers', WORKERS_MAX) ?? 0 }
}

function refuseAtSingle(flags: StartFlags): void {
  for (const flag of ['replicas', 'workers'] as const)
    if (flags[flag] !== undefined)
      throw new StageUnavailable(
        `--${flag} needs processes of their own; stage \`single\` has one for everything.`,
        `Add \`--stage ${flag === 'replicas' ? 'replicated' : 'split'}\`. \`--cpu\` and \`--memory\` size the one server.`,
      )
}

function count(flags: StartFlags, flag: 'replicas' | 'workers', most: number): number | undefined {
  const text = flags[flag]
  if (text === undefined) return undefined
  const value = Number(text)
  if (text.trim() !== '' && Number.isInteger(value) && value >= 0 && value <= most) return value
  throw new ConfigInvalid(`--${flag} ${text} is not a whole number from 0 to ${most}.`, 'Correct it.')
}

/** The flags that are configuration. */
export function configOf(flags: StartFlags): RawConfig {
  const { clusters, port, consolePort, data, database, durability, pgBin, cpu, memory } = flags
  const given = { clusters, port, consolePort, data, database, durability, pgBin, cpu, memory }
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
}
