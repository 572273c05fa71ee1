import { type Logger, silentLogger } from '../../core/log.ts'
import type { CounterFamily, HistogramFamily } from '../../telemetry/families.ts'
import type { MetricsRegistry } from '../../telemetry/metrics.ts'
import type { Exchange } from '../exchange.ts'

const PATH_LENGTH_MAX = 512
/** Others are counted as one: a stranger must not make series. */
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])

/** What one request leaves behind: one log line and three metrics. */
export class AccessRecord {
  readonly #log: Logger
  readonly #total: CounterFamily
  readonly #seconds: HistogramFamily
  readonly #inFlight: { value: number }
  /** Series by method and status class, so that the hot path looks one up and no more. */
  readonly #series = new Map<
    string,
    { count: { value: number }; seconds: { observe(value: number): void } }
  >()

  constructor(log: Logger, metrics: MetricsRegistry, lines: boolean) {
    this.#log = lines ? log : silentLogger
    this.#total = metrics.counter('http_requests_total', 'Requests answered.', ['method', 'status'])
    this.#seconds = metrics.histogram('http_request_duration_seconds', 'Time from head to end of answer.', [
      'method',
    ])
    this.#inFlight = metrics.gauge('http_requests_in_flight', 'Requests that are being answered.').child()
  }

  begun(inFlight: number): void {
    this.#inFlight.value = inFlight
  }

  /** @param ms since the head arrived @param status of the answer, or 499 when the client left before */
  ended(exchange: Exchange, ms: number, status: number, inFlight: number): void {
    const { req } = exchange
    const method = METHODS.has(req.method ?? '') ? req.method! : 'other'
    const key = `${method}${Math.floor(status / 100)}`
    let series = this.#series.get(key)
    if (!series) {
      const labels = { method, status: `${Math.floor(status / 100)}xx` }
      series = { count: this.#total.child(labels), seconds: this.#seconds.child({ method }) }
      this.#series.set(key, series)
    }
    series.count.value++
    series.seconds.observe(ms / 1000)
    this.#inFlight.value = inFlight
    const path = exchange.target?.path ?? (req.url ?? '').split('?', 1)[0]!
    this.#log.info(
      {
        requestId: exchange.requestId,
        method: req.method,
        path: path.length > PATH_LENGTH_MAX ? path.slice(0, PATH_LENGTH_MAX) : path,
        status,
        ms: Math.round(ms * 100) / 100,
        bytes: exchange.bytes,
        client: exchange.clientAddress,
      },
      'request',
    )
  }
}
