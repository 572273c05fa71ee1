import type { MetricsRegistry } from '../telemetry/metrics.ts'
import type { Relay } from './relay.ts'
import type { FollowedCluster } from './stream/followed-cluster.ts'

type Gauge = (name: string, help: string, read: () => number) => void

const gaugesOf =
  (metrics: MetricsRegistry, cluster: string): Gauge =>
  (name, help, read) =>
    metrics.gauge(name, help, ['cluster']).watch({ cluster }, read)

const watchAge = (gauge: Gauge, ageMs: () => number | null | undefined): void =>
  gauge(
    'tenfold_relay_position_age_seconds',
    "Age of the followers' position; beyond 1 s levels of the cache are bypassed. NaN: this process has none.",
    () => (ageMs() ?? Number.NaN) / 1000,
  )

/** Shows what a relay is like whenever the metrics are read. */
export function watchRelay(metrics: MetricsRegistry, cluster: string, relay: Relay): void {
  const gauge = gaugesOf(metrics, cluster)
  watchAge(gauge, () => relay.describe().ageMs)
  gauge(
    'tenfold_effects_pending',
    'Transactions whose effects somebody has not been given, as far as known.',
    () => relay.pending,
  )
  gauge('tenfold_relay_leading', 'Whether the relay of this process leads.', () => (relay.leading ? 1 : 0))
}

/** The same of a relay in another process, as far as it is known here. */
export function watchFollowed(metrics: MetricsRegistry, cluster: string, followed: FollowedCluster): void {
  const gauge = gaugesOf(metrics, cluster)
  watchAge(gauge, () => followed.describe().ageMs)
  gauge('tenfold_relay_followed', 'Whether a relay that leads is connected.', () =>
    followed.follows ? 1 : 0,
  )
}
