// A process that makes one payment and prints the answer; killed in the midst of it by its parent.
import type { ConnectionOptions } from '../../../src/data/client/types.ts'
import { kitClient } from '../kit/databases.ts'
import { pay } from './pay.ts'

const order = JSON.parse(process.argv[2] ?? '') as {
  connection: ConnectionOptions
  key: number
  requestId: string
}
const kit = await kitClient([{ name: 'c0', connection: order.connection }])
process.stdout.write(JSON.stringify(await pay(kit, order.key, order.requestId)))
await kit.client.stop()
