// The process of a node: a web server, a worker or a relay.
import { runNode } from '../../supervisor/nodes/run-node.ts'

process.exit(await runNode())
