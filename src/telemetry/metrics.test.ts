import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Registry } from 'prom-client'
import { SERIES_MAX } from './families.ts'
import { createMetrics } from './metrics.ts'

test('counters, gauges and histograms in Prometheus’ text format', async () => {
  const metrics = createMetrics({ processMetrics: false })
  metrics.counter('posts_total', 'Posts.', ['kind']).inc({ kind: 'a"b\\c\nd' }, 2)
  metrics.counter('posts_total', 'Posts.', ['kind']).inc({ kind: 'a"b\\c\nd' })
  metrics.gauge('open_things', 'Open.').set({}, 4.5)
  const seconds = metrics.histogram('wait_seconds', 'Wait.', [], [0.1, 1])
  for (const value of [0.1, 0.5, 2]) seconds.observe({}, value)
  const text = await metrics.text()
  for (const line of [
    '# TYPE posts_total counter',
    'posts_total{kind="a\\"b\\\\c\\nd"} 3',
    'open_things 4.5',
    'wait_seconds_bucket{le="0.1"} 1',
    'wait_seconds_bucket{le="1"} 2',
    'wait_seconds_bucket{le="+Inf"} 3',
    'wait_seconds_sum 2.6',
    'wait_seconds_count 3',
  ])
    assert.ok(text.includes(`${line}\n`), `${line}\n${text}`)
})

test('metrics of the process are there, and two registries do not meet', async () => {
  const [one, two] = [createMetrics(), createMetrics()]
  one.counter('only_here_total', 'x')
  assert.match(await one.text(), /process_cpu_user_seconds_total [\d.]+[\s\S]*only_here_total 0/)
  one.counter('later_total', 'x').inc()
  assert.match(await one.text(), /only_here_total 0[\s\S]*later_total 1/)
  assert.doesNotMatch(await two.text(), /only_here/)
  assert.equal(one.contentType, new Registry().contentType)
})

test('names, labels, values and second declarations are checked', () => {
  const metrics = createMetrics({ processMetrics: false })
  const invalid = { code: 'TENFOLD_METRIC_INVALID' }
  for (const name of ['', 'Upper', 'a-b', '1a', 'x'.repeat(101), 'process_things_total', 'nodejs_x'])
    assert.throws(() => metrics.counter(name, ''), invalid)
  for (const labels of [['le'], ['a', 'a'], ['A']])
    assert.throws(() => metrics.gauge('ok', '', labels), invalid)
  const counter = metrics.counter('ok_total', '', ['a'])
  assert.equal(metrics.counter('ok_total', '', ['a']), counter)
  assert.throws(() => metrics.counter('ok_total', ''), invalid)
  assert.throws(() => metrics.gauge('ok_total', '', ['a']), invalid)
  assert.throws(() => counter.inc({}), invalid)
  assert.throws(() => counter.inc({ a: '1', b: '2' }), invalid)
  assert.throws(() => counter.inc({ a: '1' }, -1), invalid)
  assert.throws(() => metrics.histogram('h', '', [], [2, 1]), invalid)
})

test('strangers cannot make series without end', async () => {
  const metrics = createMetrics({ processMetrics: false })
  const counter = metrics.counter('by_user_total', '', ['user'])
  for (let i = 0; i < SERIES_MAX + 100; i++) counter.inc({ user: String(i) })
  const text = await metrics.text()
  assert.match(text, /by_user_total\{user="other"\} 100\n/)
  assert.equal(text.match(/^by_user_total/gm)?.length, SERIES_MAX + 1)
})
