import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { createReadStream } from 'node:fs'
import { mkdir, readdir, rm } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type pg from 'pg'
import lightbox from '../../examples/lightbox/app.ts'
import { createPhoto, type Lightbox } from '../../examples/lightbox/domain/index.ts'
import type { AppDefinition } from '../../src/app/types.ts'
import { alternate } from '../kit/alternate.ts'
import { withPostgres, withRuntime } from '../kit/embedded.ts'
import { withFolder } from '../kit/lightbox.ts'
import { describeMachine, type Machine } from '../kit/machine.ts'
import { readOptions } from '../kit/options.ts'
import { withPool } from '../kit/pool.ts'
import { finish, goalRow, interval, type Row } from '../kit/report.ts'
import { estimate, ratios } from '../kit/stats.ts'
import type { BareOrder } from './bare.ts'
import { originals } from './originals.ts'

const GOAL = { text: '≥ 0.9', bound: 0.9, better: 'higher' } as const
const BYTES_MAX = 20 * 1024 * 1024
const PAUSE_MS = 25
const READY = `select count(*)::int as ready from photos where status <> 'processing'`
const FAILED = `select reason from photos where status = 'failed'`

const { rounds, count: photos, save } = readOptions({ count: 8 })
const app = lightbox as unknown as AppDefinition
/** Photos a second, by name. */
const samples: Record<string, number[]> = {}
let machine: Machine | undefined

process.stderr.write(`About ${Math.ceil((rounds * photos * 2.5) / 60)} minutes\n`)
await withFolder((folder) =>
  withPostgres(
    {},
    async (connection, { version }) => {
      machine = describeMachine(version)
      await using bare = await startBare()
      const blobFolder = join(folder, 'blobs')
      await withPool(connection, 1, (pool) =>
        withRuntime(
          connection,
          (system) => compare(system as unknown as Lightbox, pool, { bare: bare.child, folder }),
          app,
          { blobFolder },
        ),
      )
    },
    app,
  ),
)

async function compare(
  system: Lightbox,
  pool: pg.Pool,
  { bare, folder }: { readonly bare: ChildProcess; readonly folder: string },
): Promise<void> {
  const files = fileSets(folder)
  const contestants = [
    {
      name: 'Lightbox',
      sample: async () => photos / (await throughQueue(system, pool, await files('a'))),
    },
    { name: 'bare sharp', sample: async () => photos / (await byHand(bare, await files('b'), folder)) },
  ]
  for (const { sample } of contestants) await sample()
  const found = await alternate(contestants, rounds, (round, rates) => {
    const text = [...rates].map(([name, rate]) => `${name} ${rate.toFixed(2)}/s`)
    process.stderr.write(`${round + 1}/${rounds} ${text.join('  ')}\n`)
  })
  for (const [name, list] of found) samples[name] = list
}

/** Fresh photos for each sample: alike in everything that costs, and never the same bytes. */
function fileSets(folder: string): (name: string) => Promise<string[]> {
  let set = 0
  return async (name) => {
    const of = join(folder, 'originals')
    await rm(of, { recursive: true, force: true })
    await mkdir(of, { recursive: true })
    return originals(of, photos, `${name}${set++}`)
  }
}

/** Seconds from the first request until all photos are ready. They have been received before. */
async function throughQueue(system: Lightbox, pool: pg.Pool, files: readonly string[]): Promise<number> {
  const ready = async (): Promise<number> =>
    (await pool.query<{ ready: number }>(READY)).rows[0]?.ready as number
  const before = await ready()
  const blobs: string[] = []
  for (const file of files)
    blobs.push((await system.blobs.put(createReadStream(file), { bytesMax: BYTES_MAX })).id)
  const startedAt = performance.now()
  await Promise.all(
    blobs.map((original, at) => createPhoto(system, String(at + 1), { original, edits: {}, alt: '' })),
  )
  while ((await ready()) < before + files.length) await sleep(PAUSE_MS)
  const seconds = (performance.now() - startedAt) / 1000
  const { rows } = await pool.query<{ reason: string }>(FAILED)
  if (rows.length > 0) throw new Error(`A photo failed: ${rows[0]?.reason}`)
  return seconds
}

async function startBare(): Promise<AsyncDisposable & { readonly child: ChildProcess }> {
  const child = fork(join(import.meta.dirname, 'bare.ts'), {
    env: { ...process.env, UV_THREADPOOL_SIZE: String(availableParallelism()) },
  })
  await once(child, 'message')
  const end = async (): Promise<void> => {
    const ended = once(child, 'exit')
    child.disconnect()
    await ended
  }
  return { child, [Symbol.asyncDispose]: end }
}

async function byHand(child: ChildProcess, files: readonly string[], folder: string): Promise<number> {
  const to = join(folder, 'by-hand')
  await mkdir(to, { recursive: true })
  child.send({ files, to } satisfies BareOrder)
  const [{ seconds }] = (await once(child, 'message')) as [{ seconds: number }]
  const made = await readdir(to)
  if (made.length !== files.length * 12) throw new Error(`${made.length} variants were made by hand`)
  await rm(to, { recursive: true })
  return seconds
}

const rate = (name: string): number[] => samples[name] ?? []
const rows: Row[] = [
  goalRow('photos/s, ratio to bare sharp', GOAL, estimate(ratios(rate('Lightbox'), rate('bare sharp')))),
  ...Object.keys(samples).map((name) => ({
    figure: `${name}: photos/s`,
    value: interval(estimate(rate(name))),
  })),
]
const how = `${rounds} alternations of ${photos} photos of 12 megapixels, each into four widths in AVIF, WebP and JPEG; sharp 0.35.5`
finish(
  { topic: 'Photos', machine: machine!, rounds, how, rows, samples },
  save ? import.meta.dirname : undefined,
)
