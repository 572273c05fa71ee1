import { systemClock } from '../../../src/core/clock.ts'
import type { LocalFollower } from '../../../src/core/effects.ts'
import { silentLogger } from '../../../src/core/log.ts'
import type { UpkeepSession } from '../../../src/core/ports.ts'
import type { ClusterOptions } from '../../../src/data/client/types.ts'
import { upkeepSessions } from '../../../src/data/client/upkeep-session.ts'
import { createEffects, type EffectsService } from '../../../src/effects/index.ts'
import { createMetrics } from '../../../src/telemetry/metrics.ts'

export type Run = UpkeepSession['run']

/** A relay of one cluster; `through` is put between it and each of its sessions. */
export function relayOf(
  cluster: ClusterOptions,
  follower: LocalFollower,
  through: (run: Run) => Run,
): EffectsService {
  const sessions = upkeepSessions([cluster], systemClock.timer)
  const open = (name: string, purpose: string): UpkeepSession => {
    const session = sessions.open(name, purpose)
    const run = through(session.run.bind(session))
    return { run, isTransient: session.isTransient, generation: 0, close: () => session.close() }
  }
  return createEffects({
    sessions: { clusters: [cluster.name], open },
    followers: [follower],
    clock: systemClock,
    log: silentLogger,
    metrics: createMetrics({ processMetrics: false }),
  })
}
