import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { CookieMemory, HeaderMemory, type Memory } from '../kit/memory.ts'
import { ServerProcess } from '../kit/server.ts'
import { runUnderFaults } from '../kit/under-faults.ts'
import { FAULTS, type FaultName } from './nemesis.ts'

const RUN_MS_MAX = 120_000

/** As browsers with two tabs, and as programs. */
const ofClient = (session: number): Memory => (session % 3 === 2 ? new HeaderMemory() : new CookieMemory())

export interface Schedule {
  readonly seed: number
  readonly clusters: number
  readonly faults: readonly FaultName[]
  readonly flags?: readonly string[]
}

/** Faults on a replicated system of its own. Sessions keep cookies, in two tabs at once, or the header. */
export async function runSchedule(
  t: TestContext,
  { seed, clusters, faults, flags = [] }: Schedule,
): Promise<void> {
  const server = await ServerProcess.start(t, { clusters, flags: ['--stage', 'replicated', ...flags] })
  const troubles = await runUnderFaults(t, server, {
    seed,
    faults: faults.map((name) => [name, FAULTS[name]] as const),
    msMax: RUN_MS_MAX,
    memory: ofClient,
    tabs: 2,
    copies: true,
  })
  // A web node that ends takes its connections along. Nobody is refused: whoever has to wait waits.
  assert.deepEqual(
    Object.keys(troubles).filter((why) => !/^(ECONNRESET|ECONNREFUSED|UND_ERR_SOCKET|EPIPE)$/.test(why)),
    [],
    JSON.stringify(troubles),
  )
}
