import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { Drain, DrainRequest } from './drain-protocol.ts'

/** Milliseconds for one queue to be worked off. */
const DRAIN_MS_MAX = 300_000

/** A process that works off one queue after the other. */
export interface DrainProcess extends AsyncDisposable {
  readonly pid: number
  drain(request: DrainRequest): Promise<Drain>
}

type Message = { ready: true } | { result: Drain } | { error: string }

export async function startDrainProcess(
  file: 'drain-tenfold.ts' | 'drain-graphile.ts',
  args: readonly unknown[],
  nodeFlags: readonly string[] = [],
): Promise<DrainProcess> {
  const child = fork(
    join(import.meta.dirname, file),
    args.map((one) => JSON.stringify(one)),
    {
      execArgv: [...process.execArgv, ...nodeFlags],
      // graphile-worker would log a line for every job.
      env: { ...process.env, NODE_ENV: 'production', NO_LOG_SUCCESS: '1' },
    },
  )
  await answer(child)
  return {
    pid: child.pid as number,
    drain: async (request) => {
      child.send(request)
      const message = await answer(child)
      if ('result' in message) return message.result
      throw new Error(`${file}: ${'error' in message ? message.error : 'said something unexpected'}`)
    },
    [Symbol.asyncDispose]: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return
      const ended = once(child, 'exit')
      if (child.connected) child.disconnect()
      await ended
    },
  }
}

function answer(child: ChildProcess): Promise<Message> {
  return new Promise((resolve, reject) => {
    const late = setTimeout(
      () => settle(() => reject(new Error('A worker did not finish in time'))),
      DRAIN_MS_MAX,
    )
    const told = (message: Message): void => settle(() => resolve(message))
    const ended = (code: number | null): void =>
      settle(() => reject(new Error(`A worker's process ended with ${code}`)))
    const settle = (outcome: () => void): void => {
      clearTimeout(late)
      child.off('message', told).off('exit', ended)
      outcome()
    }
    child.once('message', told).once('exit', ended)
  })
}
