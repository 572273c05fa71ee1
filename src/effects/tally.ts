import type { CounterChild } from '../telemetry/families.ts'
import type { MetricsRegistry } from '../telemetry/metrics.ts'
import type { Relay } from './relay.ts'

/** What a relay counts. */
export interface RelayTally {
  readonly passes: CounterChild
  readonly delivered: CounterChild
  readonly failures: CounterChild
}

/** Declares the relay's counters and gives those of one cluster. */
export function relayTally(metrics: MetricsRegistry, cluster: string): RelayTally {
  const counter = (name: string, help: string): CounterChild =>
    metrics.counter(name, help, ['cluster']).child({ cluster })
  return {
    passes: counter('tenfold_relay_passes_total', 'Times the relay looked for committed effects.'),
    delivered: counter(
      'tenfold_effects_delivered_total',
      'Effects of transactions that were given to every follower at hand, again ones included.',
    ),
    failures: counter('tenfold_relay_failures_total', 'Passes of the relay that failed.'),
  }
}

/** Shows what a relay is like whenever the metrics are read. */
export function watchRelay(metrics: MetricsRegistry, cluster: string, relay: Relay): void {
  const gauge = (name: string, help: string, read: () => number): void =>
    metrics.gauge(name, help, ['cluster']).watch({ cluster }, read)
  gauge(
    'tenfold_relay_position_age_seconds',
    "Age of the followers' position; beyond 1 s levels of the cache are bypassed. NaN: this process has none.",
    () => (relay.describe()?.ageMs ?? Number.NaN) / 1000,
  )
  gauge(
    'tenfold_effects_pending',
    'Transactions whose effects somebody has not been given, as far as known.',
    () => relay.pending,
  )
  gauge('tenfold_relay_leading', 'Whether the relay of this process leads.', () => (relay.leading ? 1 : 0))
}
