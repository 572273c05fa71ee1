import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import type { CpuProfile } from './cpu-profile.ts'

const INTERVAL_US = 200

/** Profiles another Node.js process, which was started with `--inspect-port=<port>`, while `work` runs. */
export async function profileProcess(
  pid: number,
  port: number,
  work: () => Promise<unknown>,
): Promise<CpuProfile> {
  process.kill(pid, 'SIGUSR1') // opens the inspector
  const socket = await connect(port)
  let id = 0
  const waiting = new Map<number, (result: unknown) => void>()
  socket.onmessage = ({ data }) => {
    const message = JSON.parse(String(data)) as { id?: number; result?: unknown }
    if (message.id !== undefined) waiting.get(message.id)?.(message.result)
  }
  const post = (method: string, params = {}): Promise<unknown> =>
    new Promise((resolve) => {
      id += 1
      waiting.set(id, resolve)
      socket.send(JSON.stringify({ id, method, params }))
    })
  await post('Profiler.enable')
  await post('Profiler.setSamplingInterval', { interval: INTERVAL_US })
  await post('Profiler.start')
  await work()
  const { profile } = (await post('Profiler.stop')) as { profile: CpuProfile }
  socket.close()
  return profile
}

async function connect(port: number): Promise<WebSocket> {
  for (let attempt = 0; ; attempt++) {
    try {
      const list = (await (await fetch(`http://127.0.0.1:${port}/json/list`)).json()) as {
        webSocketDebuggerUrl: string
      }[]
      const socket = new WebSocket(list[0]!.webSocketDebuggerUrl)
      await new Promise((resolve, reject) => {
        socket.onopen = resolve
        socket.onerror = reject
      })
      return socket
    } catch (error) {
      if (attempt === 100) throw error
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}
