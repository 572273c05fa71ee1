import { MetricInvalid } from './errors.ts'

export type Labels = Readonly<Record<string, string>>

/** Beyond this many label combinations a metric counts further ones under `other`: memory stays bounded. */
export const SERIES_MAX = 2_000
const OTHER = 'other'

interface Sample {
  labels: Record<string, string | number>
  value: number
  metricName?: string
}

/**
 * One metric with all its label combinations, in the form that prom-client's registry collects.
 *
 * The numbers are ours and not prom-client's because its `inc` and `observe` validate and hash the labels on
 * every call, about a microsecond each; a resolved child here is one addition.
 */
export abstract class Family<Child> {
  readonly name: string
  readonly help: string
  abstract readonly type: string
  readonly aggregator = 'sum'
  readonly labelNames: readonly string[]
  readonly #children = new Map<string, { labels: Record<string, string>; child: Child }>()

  constructor(name: string, help: string, labelNames: readonly string[]) {
    this.name = name
    this.help = help
    this.labelNames = labelNames
  }

  /** The series of these labels; keep it where it is used often. @throws MetricInvalid */
  child(labels: Labels = {}): Child {
    let key = ''
    for (const name of this.labelNames) {
      const value = labels[name]
      if (value === undefined) throw this.#mismatch(labels)
      key += `${value}\u0000`
    }
    const found = this.#children.get(key)
    if (found) return found.child
    if (Object.keys(labels).length !== this.labelNames.length) throw this.#mismatch(labels)
    if (this.#children.size >= SERIES_MAX && !this.labelNames.every((name) => labels[name] === OTHER))
      return this.child(Object.fromEntries(this.labelNames.map((name) => [name, OTHER])))
    const child = this.make()
    this.#children.set(key, { labels: { ...labels }, child })
    return child
  }

  /** What prom-client's registry calls. */
  get(): { name: string; help: string; type: string; aggregator: string; values: Sample[] } {
    const values = [...this.#children.values()].flatMap(({ labels, child }) => this.samples(labels, child))
    return { name: this.name, help: this.help, type: this.type, aggregator: this.aggregator, values }
  }

  reset(): void {
    this.#children.clear()
  }

  protected abstract make(): Child
  protected abstract samples(labels: Record<string, string>, child: Child): Sample[]

  #mismatch(labels: Labels): MetricInvalid {
    return new MetricInvalid(
      `The metric ${this.name} has the labels [${this.labelNames.join(', ')}], not [${Object.keys(labels).join(', ')}].`,
      'Give exactly the labels that it was declared with.',
    )
  }
}

export interface CounterChild {
  value: number
}

export class CounterFamily extends Family<CounterChild> {
  readonly type = 'counter'
  inc(labels?: Labels, by = 1): void {
    if (!(by >= 0))
      throw new MetricInvalid(
        `The counter ${this.name} cannot go by ${by}.`,
        'A counter only rises; use a gauge.',
      )
    this.child(labels).value += by
  }
  protected make(): CounterChild {
    return { value: 0 }
  }
  protected samples(labels: Record<string, string>, child: CounterChild): Sample[] {
    return [{ labels, value: child.value }]
  }
}

export class GaugeFamily extends Family<CounterChild> {
  readonly type = 'gauge'
  set(labels: Labels, value: number): void {
    this.child(labels).value = value
  }
  /** Asks for the value whenever the metrics are read. */
  watch(labels: Labels, read: () => number): void {
    Object.defineProperty(this.child(labels), 'value', { get: read, configurable: true })
  }
  protected make(): CounterChild {
    return { value: 0 }
  }
  protected samples(labels: Record<string, string>, child: CounterChild): Sample[] {
    return [{ labels, value: child.value }]
  }
}

/** Upper bounds in seconds that suit requests: 0.5 ms to 30 s. */
export const SECONDS_BUCKETS: readonly number[] = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
]

/** One series of a histogram. */
export class HistogramChild {
  readonly bounds: readonly number[]
  readonly counts: Float64Array
  sum = 0
  constructor(bounds: readonly number[]) {
    this.bounds = bounds
    this.counts = new Float64Array(bounds.length + 1)
  }
  observe(value: number): void {
    let at = 0
    while (at < this.bounds.length && value > this.bounds[at]!) at++
    this.counts[at]! += 1
    this.sum += value
  }
}

export class HistogramFamily extends Family<HistogramChild> {
  readonly type = 'histogram'
  readonly #bounds: readonly number[]
  constructor(name: string, help: string, labelNames: readonly string[], bounds: readonly number[]) {
    super(name, help, labelNames)
    if (bounds.length === 0 || bounds.some((bound, i) => i > 0 && !(bound > bounds[i - 1]!)))
      throw new MetricInvalid(`The buckets of ${name} do not rise.`, 'Give upper bounds from low to high.')
    this.#bounds = bounds
  }
  observe(labels: Labels, value: number): void {
    this.child(labels).observe(value)
  }
  protected make(): HistogramChild {
    return new HistogramChild(this.#bounds)
  }
  protected samples(labels: Record<string, string>, child: HistogramChild): Sample[] {
    let total = 0
    const buckets = [...child.bounds, '+Inf' as const].map((le, i) => {
      total += child.counts[i]!
      return { metricName: `${this.name}_bucket`, labels: { ...labels, le }, value: total }
    })
    return [
      ...buckets,
      { metricName: `${this.name}_sum`, labels, value: child.sum },
      { metricName: `${this.name}_count`, labels, value: total },
    ]
  }
}
