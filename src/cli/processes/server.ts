// The process that the guard starts: the application, its web server and the supervisor.
import { runServer } from '../../supervisor/server-process.ts'

process.exit(await runServer())
