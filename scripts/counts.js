// A reporter of Node's test runner for test.js: a line with the totals, one for each file, and one for each test that failed.
import { inspect } from 'util'

export default async function* counts(events) {
  for await (const { type, data } of events) {
    if (type === 'test:fail') {
      const error = data.details.error
      // A suite, or a test with tests in it, fails because one of them did: that one is told.
      if (error?.failureType === 'subtestsFailed') continue
      const place = `${data.file}:${data.line}`
      yield `${JSON.stringify({ broken: data.name, place, why: inspect(error?.cause ?? error) })}\n`
    }
    if (type !== 'test:summary') continue
    const { passed, failed, cancelled, skipped, todo } = data.counts
    const counted = { passed, failed: failed + cancelled, skipped: skipped + todo }
    yield `${JSON.stringify({ file: data.file, ms: data.duration_ms, ...counted })}\n`
  }
}
