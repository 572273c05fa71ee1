import type { MetricsRegistry } from '../telemetry/metrics.ts'
import type { Relay } from './relay.ts'

/** Shows what a relay is like whenever the metrics are read. */
export function watchRelay(metrics: MetricsRegistry, cluster: string, relay: Relay): void {
  const gauge = (name: string, help: string, read: () => number): void =>
    metrics.gauge(name, help, ['cluster']).watch({ cluster }, read)
  gauge(
    'tenfold_relay_position_age_seconds',
    "Age of the followers' position; beyond 1 s levels of the cache are bypassed. NaN: this process has none.",
    () => (relay.describe().ageMs ?? Number.NaN) / 1000,
  )
  gauge(
    'tenfold_effects_pending',
    'Transactions whose effects somebody has not been given, as far as known.',
    () => relay.pending,
  )
  gauge('tenfold_relay_leading', 'Whether the relay of this process leads.', () => (relay.leading ? 1 : 0))
}
