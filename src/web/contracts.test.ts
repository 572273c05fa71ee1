import { test } from 'node:test'
import type { Assets, Limits, Metrics, Sessions } from '../app/types.ts'
import type { MetricsRegistry } from '../telemetry/metrics.ts'
import type { WebAssets } from './assets/assets.ts'
import type { WebLimits } from './limits/limits.ts'
import type { WebSessions } from './sessions/sessions.ts'

/** Compiles only while the tier's parts are what an app sees of them; a tier may not import app/ itself. */
const asSeenByApps = (
  sessions: WebSessions,
  limits: WebLimits,
  assets: WebAssets,
  metrics: MetricsRegistry,
) => ({
  sessions: sessions satisfies Sessions,
  limits: limits satisfies Limits,
  assets: assets satisfies Assets,
  metrics: metrics satisfies Metrics,
})

test('the parts of the web tier are what apps are promised', () => {
  void asSeenByApps
})
