// A web process that follows relays elsewhere. It prints its URL, and ends when its standard input does.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createRuntime } from '../../../src/app/compose.ts'
import type { AppDefinition } from '../../../src/app/types.ts'
import { silentLogger } from '../../../src/core/log.ts'
import app from '../cache/app.ts'
import type { WebOptions } from './processes.ts'

const { clusters, relay } = JSON.parse(process.argv[2] ?? '') as WebOptions
const runtime = createRuntime(app as unknown as AppDefinition, {
  clusters,
  signingKeys: [Buffer.alloc(32, 'pairs')],
  log: silentLogger,
  secureCookies: false,
  ...(relay && {
    relay: { addresses: relay.addresses, ...(relay.secret && { secret: Buffer.from(relay.secret) }) },
  }),
})
await runtime.start()
const server = createServer((req, res) => {
  if (req.url === '/metrics') void runtime.metricsText().then((text) => res.end(text))
  else if (req.url === '/relay') res.end(JSON.stringify(runtime.relay()))
  else runtime.listener(req, res)
})
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
process.stdout.write(
  `${JSON.stringify({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` })}\n`,
)
process.stdin.on('end', () => {
  server.closeAllConnections()
  server.close()
  void runtime.stop()
})
process.stdin.resume()
