import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { askOperation } from './control-client.ts'
import { controlSocketPath } from './control-path.ts'

/** A folder whose system answers like this. */
async function answering(t: TestContext, listener: RequestListener): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'tf-control-'))
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(controlSocketPath(folder), resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
    rmSync(folder, { recursive: true })
  })
  return folder
}

test('whoever waits for an operation waits as long as the system answers at all, and is told how it is', async (t) => {
  let finish = (): void => {}
  const folder = await answering(t, ({ url }, res) => {
    if (url === '/status') res.end(JSON.stringify({ state: 'degraded', nodes: [] }))
    else finish = () => res.end(JSON.stringify({ nodes: ['c0-pg-4'] }))
  })
  const states: string[] = []
  const onProgress = ({ state }: { state: string }): void => {
    if (states.push(state) === 3) finish()
  }
  const nodes = await askOperation(folder, 'scale', { target: 'data.replicas' }, { onProgress, everyMs: 5 })
  assert.deepEqual([nodes, states], [['c0-pg-4'], ['degraded', 'degraded', 'degraded']])
})

test('a system that answers nothing any more is not waited for', async (t) => {
  const folder = await answering(t, () => {})
  const asked = askOperation(folder, 'restart', { target: 'data' }, { everyMs: 5, answerMs: 5 })
  await assert.rejects(asked, { code: 'TENFOLD_CONTROL_FAILED', message: /did not answer within/ })
})

test('a refusal has the code that the system gives it', async (t) => {
  const folder = await answering(t, (_, res) => {
    res.statusCode = 409
    res.end(
      JSON.stringify({ code: 'TENFOLD_SWITCHOVER_REFUSED', title: 'It cannot hand over.', remedy: 'Wait.' }),
    )
  })
  await assert.rejects(askOperation(folder, 'restart', { target: 'c0-pg-1' }), {
    code: 'TENFOLD_SWITCHOVER_REFUSED',
    message: 'It cannot hand over.',
    remedy: 'Wait.',
  })
})
