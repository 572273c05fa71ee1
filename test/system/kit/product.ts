import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import { inspect } from 'node:util'
import { createRuntime } from '../../../src/app/compose.ts'
import type { AppDefinition } from '../../../src/app/types.ts'
import { type Logger, silentLogger } from '../../../src/core/log.ts'
import type { ClusterOptions } from '../../../src/data/client/types.ts'
import app from './app.ts'
import { closeServer } from './planted/server.ts'

const ERRORS_TOLD = 5

/** The kit's app, or another, on the product, in this process, so that proxies can stand on both of its sides. */
export async function productServer(
  t: TestContext,
  clusters: readonly ClusterOptions[],
  definition = app as unknown as AppDefinition,
): Promise<string> {
  const runtime = createRuntime(definition, {
    clusters,
    signingKeys: [Buffer.alloc(32, 'kit')],
    log: tellingErrors(t),
    secureCookies: false,
  })
  await runtime.start()
  t.after(() => runtime.stop())
  const server = createServer(runtime.listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => closeServer(server))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** A 500 says nothing of its cause: the first few are told with the test, and of other errors as many of their own. */
function tellingErrors(t: TestContext): Logger {
  const told = new Map<boolean, number>()
  const log: Logger = {
    ...silentLogger,
    error: (fields, message) => {
      const isUnexpected = (fields as { status?: number }).status === 500
      const times = told.get(isUnexpected) ?? 0
      told.set(isUnexpected, times + 1)
      if (times < ERRORS_TOLD) t.diagnostic(`${message}: ${inspect(fields, { depth: 4 })}`)
    },
    child: () => log,
  }
  return log
}
