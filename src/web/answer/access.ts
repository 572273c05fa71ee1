import { type Logger, silentLogger } from '../../core/log.ts'
import type { CounterFamily, HistogramFamily } from '../../telemetry/families.ts'
import type { MetricsRegistry } from '../../telemetry/metrics.ts'
import type { Exchange } from '../exchange.ts'

const PATH_LENGTH_MAX = 512
/** Others are counted as one: a stranger must not make series. */
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])
/** Text that JSON takes as it is, and that a log has nothing to hide in. */
const PLAIN = /^[\w/.~:!$&'()*+,;=%-]*$/

interface Series {
  readonly count: { value: number }
  readonly seconds: { observe(value: number): void }
}

/** What one request leaves behind: one log line and three metrics. */
export class AccessRecord {
  readonly #log: Logger
  /** Writes lines that need no care; those with unusual text go through the log itself. */
  readonly #line: ((fields: string) => void) | undefined
  readonly #total: CounterFamily
  readonly #seconds: HistogramFamily
  readonly #inFlight: { value: number }
  /** Series by method, then by status class, so that the hot path looks one up and no more. */
  readonly #series = new Map<string, (Series | undefined)[]>()

  constructor(log: Logger, metrics: MetricsRegistry, lines: boolean) {
    this.#log = lines ? log : silentLogger
    this.#line = lines ? log.writer?.('request') : undefined
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
    const { method = '', url = '' } = exchange.req
    const { count, seconds } = this.#seriesOf(method, Math.floor(status / 100))
    count.value++
    seconds.observe(ms / 1000)
    this.#inFlight.value = inFlight
    const { requestId, bytes, clientAddress: client } = exchange
    const whole = exchange.target?.path ?? url.split('?', 1)[0]!
    const path = whole.length > PATH_LENGTH_MAX ? whole.slice(0, PATH_LENGTH_MAX) : whole
    const rounded = Math.round(ms * 100) / 100
    if (this.#line && METHODS.has(method) && PLAIN.test(path) && !path.includes('://') && PLAIN.test(client))
      this.#line(
        `"requestId":"${requestId}","method":"${method}","path":"${path}","status":${status},"ms":${rounded},"bytes":${bytes},"client":"${client}"`,
      )
    else this.#log.info({ requestId, method, path, status, ms: rounded, bytes, client }, 'request')
  }

  #seriesOf(method: string, hundreds: number): Series {
    const known = this.#series.get(method)?.[hundreds]
    if (known) return known
    const label = METHODS.has(method) ? method : 'other'
    const labels = { method: label, status: `${hundreds}xx` }
    const series = { count: this.#total.child(labels), seconds: this.#seconds.child({ method: label }) }
    if (label === method) {
      const byStatus = this.#series.get(method) ?? []
      byStatus[hundreds] = series
      this.#series.set(method, byStatus)
    }
    return series
  }
}
