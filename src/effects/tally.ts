import type { CounterChild } from '../telemetry/families.ts'
import type { MetricsRegistry } from '../telemetry/metrics.ts'

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
