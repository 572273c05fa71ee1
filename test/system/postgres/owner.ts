// A process that owns a PostgreSQL server, to be killed. Prints one JSON line when it runs or failed, stops at SIGTERM.
import { silentLogger } from '../../../src/core/log.ts'
import { createPostgres } from '../../../src/data/postgres/index.ts'

const server = createPostgres({ ...JSON.parse(process.argv[2]!), log: silentLogger })
const say = (value: object): boolean => process.stdout.write(`${JSON.stringify(value)}\n`)

try {
  await server.start()
  const { pid, adopted, created, socketDir, port, user, password, version } = server
  say({ pid, adopted, created, socketDir, port, user, password, version })
  process.stdin.resume() // keeps this process alive, as long as the test that started it
  process.once('SIGTERM', () => void server.stop().then(() => process.stdin.destroy()))
} catch (error) {
  const { code, message, remedy } = error as { code?: string; message: string; remedy?: string }
  say({ code, message, remedy })
}
