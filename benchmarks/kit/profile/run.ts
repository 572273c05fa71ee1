// Where the time goes: `npm run profile -- read` (the web process under load) or `-- write` (this process).
import { Session } from 'node:inspector/promises'
import { nextPost, throughKysely, throughQuery } from '../../write/insert.ts'
import { withPostgres, withRuntime } from '../embedded.ts'
import { startLightbox, withFolder } from '../lightbox.ts'
import { ask } from '../load.ts'
import { readOptions } from '../options.ts'
import { type CpuProfile, shares } from './cpu-profile.ts'
import { freePort, profileProcess } from './remote.ts'

const CONNECTIONS = 50
const FUNCTIONS_SHOWN = 45
const CONCURRENT = 10
const WARM_WRITES = 4000

const { seconds, words } = readOptions({ seconds: 8 })

async function profileRead(): Promise<CpuProfile> {
  return withFolder(async (folder) => {
    const port = await freePort()
    const running = await startLightbox({ folder, nodeFlags: [`--inspect-port=${port}`] })
    const load = (forSeconds: number) =>
      ask({ url: `${running.url}/users/12`, connections: CONNECTIONS, seconds: forSeconds })
    try {
      await load(3)
      return await profileProcess(running.web, port, () => load(seconds))
    } finally {
      await running.stop()
    }
  })
}

async function profileWrite(kind: 'query' | 'kysely'): Promise<CpuProfile> {
  return withPostgres({ fsync: 'off' }, (connection) =>
    withRuntime(connection, async (system) => {
      const insert = kind === 'query' ? throughQuery(system) : throughKysely(system)
      const burst = async (until: () => boolean): Promise<void> => {
        const worker = async (): Promise<void> => {
          while (!until()) await insert(nextPost())
        }
        await Promise.all(Array.from({ length: CONCURRENT }, worker))
      }
      let left = WARM_WRITES
      await burst(() => left-- <= 0)
      const session = new Session()
      session.connect()
      await session.post('Profiler.enable')
      await session.post('Profiler.setSamplingInterval', { interval: 200 })
      await session.post('Profiler.start')
      const end = performance.now() + seconds * 1000
      await burst(() => performance.now() > end)
      const { profile } = await session.post('Profiler.stop')
      session.disconnect()
      return profile
    }),
  )
}

function print(title: string, profile: CpuProfile): void {
  const { functions, parts, onBehalf, busyMs } = shares(profile)
  const line = ({ name, percent }: { name: string; percent: number }): string =>
    `${percent.toFixed(1).padStart(6)}%  ${name}`
  console.log(
    [
      `## ${title} (${Math.round(busyMs)} ms busy)`,
      '',
      ...parts.filter(({ percent }) => percent >= 0.3).map(line),
    ].join('\n'),
  )
  console.log(['', 'Self time:', ...functions.slice(0, FUNCTIONS_SHOWN).map(line)].join('\n'))
  console.log(
    ['', 'With what was done on their behalf:', ...onBehalf.slice(0, FUNCTIONS_SHOWN).map(line), ''].join(
      '\n',
    ),
  )
}

const kinds = words.length > 0 ? words : ['read', 'write', 'kysely']
if (kinds.includes('read')) print('Read: the web process under load', await profileRead())
if (kinds.includes('write')) print('Write with a raw query', await profileWrite('query'))
if (kinds.includes('kysely')) print('Write with Kysely', await profileWrite('kysely'))
