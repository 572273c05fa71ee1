// A reporter of Node's test runner for test.js: a line with the totals, and one for each file.
export default async function* counts(events) {
  for await (const event of events) {
    if (event.type !== 'test:summary') continue
    const { passed, failed, cancelled, skipped, todo } = event.data.counts
    const counted = { passed, failed: failed + cancelled, skipped: skipped + todo }
    yield `${JSON.stringify({ file: event.data.file, ms: event.data.duration_ms, ...counted })}\n`
  }
}
