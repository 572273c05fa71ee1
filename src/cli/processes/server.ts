// The process that the guard starts: the application with everything beside it, or the supervisor of nodes.
import { runServer } from '../../supervisor/server-process.ts'
import { processPath } from '../process-path.ts'

process.exit(await runServer(processPath('node')))
