import type { Metric, Registry } from 'prom-client'
import { MetricInvalid } from './errors.ts'
import { CounterFamily, type Family, GaugeFamily, HistogramFamily, SECONDS_BUCKETS } from './families.ts'

const NAME = /^[a-z][a-z0-9_]*$/
const LABEL = /^[a-z][a-z0-9_]*$/
const RESERVED_LABELS = new Set(['le', 'quantile', 'job', 'instance'])
/** Metrics of the process itself: processor, memory, event loop, garbage collection. */
const OF_THE_PROCESS = /^(?:process|nodejs)_/
const NAME_LENGTH_MAX = 100
const CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

/**
 * Counters, gauges and histograms of one process. Declaring the same metric again gives the same one, so that
 * a module may declare what it counts where it counts it.
 */
export interface MetricsRegistry {
  counter(name: string, help: string, labels?: readonly string[]): CounterFamily
  gauge(name: string, help: string, labels?: readonly string[]): GaugeFamily
  /** @param buckets upper bounds. @defaultValue 0.5 ms to 30 s, in seconds */
  histogram(
    name: string,
    help: string,
    labels?: readonly string[],
    buckets?: readonly number[],
  ): HistogramFamily
  /** Everything in Prometheus' text format. */
  text(): Promise<string>
  readonly contentType: string
}

function check(name: string, labels: readonly string[]): void {
  if (!NAME.test(name) || name.length > NAME_LENGTH_MAX)
    throw new MetricInvalid(
      `"${name}" is not a metric name.`,
      'Use lower-case letters, digits and underscores, e.g. posts_published_total.',
    )
  if (OF_THE_PROCESS.test(name))
    throw new MetricInvalid(
      `The name ${name} begins as those of the metrics of the process do.`,
      'Begin it otherwise than with process_ or nodejs_.',
    )
  const bad = labels.find((label) => !LABEL.test(label) || RESERVED_LABELS.has(label))
  if (bad !== undefined || new Set(labels).size !== labels.length)
    throw new MetricInvalid(
      `The labels [${labels.join(', ')}] of ${name} do not fit.`,
      `Use distinct lower-case names other than ${[...RESERVED_LABELS].join(', ')}.`,
    )
}

/**
 * Makes a registry of its own: nothing global, so two in one process do not meet. What the process itself does is measured from the
 * first time on that somebody asks: until then nobody pays for it.
 */
export function createMetrics(options: { readonly processMetrics?: boolean } = {}): MetricsRegistry {
  const families = new Map<string, Family<unknown>>()
  let opened: Promise<Registry> | undefined
  const open = async (): Promise<Registry> => {
    const { collectDefaultMetrics, Registry } = await import('prom-client')
    const registry = new Registry()
    if (options.processMetrics ?? true) collectDefaultMetrics({ register: registry })
    return registry
  }

  const declare = <F extends Family<unknown>>(
    kind: new (...args: never[]) => F,
    name: string,
    labels: readonly string[],
    make: () => F,
  ): F => {
    check(name, labels)
    const found = families.get(name)
    if (found instanceof kind && found.labelNames.join() === labels.join()) return found
    if (found)
      throw new MetricInvalid(
        `The metric ${name} exists already, with another type or other labels.`,
        'Choose another name, or declare it everywhere in the same way.',
      )
    const family = make()
    families.set(name, family)
    // Without labels there is one series, and it is shown before it is first counted.
    if (labels.length === 0) family.child()
    return family
  }
  return {
    counter: (name, help, labels = []) =>
      declare(CounterFamily, name, labels, () => new CounterFamily(name, help, labels)),
    gauge: (name, help, labels = []) =>
      declare(GaugeFamily, name, labels, () => new GaugeFamily(name, help, labels)),
    histogram: (name, help, labels = [], buckets = SECONDS_BUCKETS) =>
      declare(HistogramFamily, name, labels, () => new HistogramFamily(name, help, labels, buckets)),
    text: async () => {
      opened ??= open()
      const registry = await opened
      for (const [name, family] of families)
        if (!registry.getSingleMetric(name)) registry.registerMetric(family as unknown as Metric)
      return registry.metrics()
    },
    contentType: CONTENT_TYPE,
  }
}
