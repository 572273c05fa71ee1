// A relay process. It prints where it listens, then its status for each line that it is sent; it ends when its standard
// input does.
import { createInterface } from 'node:readline'
import { createRelayNode } from '../../../src/app/relay-node.ts'
import { silentLogger } from '../../../src/core/log.ts'
import type { RelayProcessOptions } from './processes.ts'

const { clusters, listen, secret } = JSON.parse(process.argv[2] ?? '') as RelayProcessOptions
const node = createRelayNode({
  clusters,
  listen: [listen],
  log: silentLogger,
  ...(secret && { secret: Buffer.from(secret) }),
})
const say = (line: object): void => void process.stdout.write(`${JSON.stringify(line)}\n`)
await node.start()
say({ addresses: node.addresses })
for await (const _ of createInterface({ input: process.stdin })) {
  const [, subscribers] = /^tenfold_relay_subscribers (\d+)$/m.exec(await node.metricsText()) ?? []
  say({ status: node.status(), subscribers: Number(subscribers) })
}
await node.stop()
