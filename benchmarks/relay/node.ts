// A relay process: prints its address as JSON when it listens, and ends with SIGINT.
import { createRelayNode } from '../../src/app/relay-node.ts'
import { silentLogger } from '../../src/core/log.ts'
import type { ConnectionOptions } from '../../src/data/client/types.ts'

const { connection, socketPath } = JSON.parse(process.argv[2] ?? '') as {
  readonly connection: ConnectionOptions
  readonly socketPath: string
}
const clusters = [{ name: 'c0', connection }]
const node = createRelayNode({ clusters, listen: [{ socketPath }], log: silentLogger })
await node.start()
process.stdout.write(`${JSON.stringify({ addresses: node.addresses })}\n`)
process.once('SIGINT', () => void node.stop())
