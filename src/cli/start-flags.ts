import { STAGES } from '../core/topology.ts'
import type { RawConfig } from '../supervisor/config/load.ts'
import { StageUnavailable } from '../supervisor/errors.ts'

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
  readonly edges?: string
  readonly workers?: string
  readonly cache?: string
  readonly balancer?: string
}

/** Flags that belong to a later stage, and that stage. */
const LATER = {
  web: 'balanced',
  replicas: 'replicated',
  edges: 'edge',
  workers: 'queued',
  cache: 'cached',
  balancer: 'balanced',
} as const

/** Refuses what this version cannot do. @throws StageUnavailable */
export function checkStage(flags: StartFlags): void {
  const { stage = 'single' } = flags
  const name = /^\d+$/.test(stage) ? STAGES[Number(stage) - 1] : STAGES.find((known) => known === stage)
  if (name === undefined)
    throw new StageUnavailable(
      `There is no stage ${JSON.stringify(stage)}.`,
      `This version has stage \`single\` (1). The ladder is: ${STAGES.join(', ')}.`,
    )
  if (name !== 'single')
    throw new StageUnavailable(
      `Stage \`${name}\` is not in this version: it has stage \`single\`, everything on one server.`,
      'Start with `--stage single`; the app itself stays the same on the way up.',
    )
  for (const [flag, later] of Object.entries(LATER)) {
    if (flags[flag as keyof typeof LATER] === undefined) continue
    throw new StageUnavailable(
      `--${flag} belongs to stage \`${later}\`, which is not in this version: it has stage \`single\`.`,
      `Leave --${flag} out. \`--cpu\` and \`--memory\` size the one server.`,
    )
  }
}

/** The flags that are configuration. */
export function configOf(flags: StartFlags): RawConfig {
  const { clusters, port, consolePort, data, database, pgBin, cpu, memory } = flags
  const given = { clusters, port, consolePort, data, database, pgBin, cpu, memory }
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
}
