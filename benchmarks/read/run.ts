import assert from 'node:assert/strict'
import { join } from 'node:path'
import { alternate } from '../kit/alternate.ts'
import { cpuSince, machineCpuUs, markCpu } from '../kit/cpu.ts'
import { databaseEnv } from '../kit/database-env.ts'
import { databaseOf, startLightbox, withFolder } from '../kit/lightbox.ts'
import { ask, generatorText, type Load } from '../kit/load.ts'
import { describeMachine } from '../kit/machine.ts'
import { readOptions } from '../kit/options.ts'
import { serverVersion } from '../kit/postgres-version.ts'
import { launch } from '../kit/processes.ts'
import { finish } from '../kit/report.ts'
import { type ReadSample, rows } from './rows.ts'

const PATH = '/users/12'
const CONNECTIONS = 50
const WARM_SECONDS = 4
/** Idle latency needs fewer requests than a load. */
const SINGLE_SECONDS = 1
const PEERS = ['fastify', 'fastify-json', 'bare'] as const

const options = readOptions()

await withFolder(async (folder) => {
  const ours = await startLightbox({ folder })
  const started: { stop(): Promise<void> }[] = [ours]
  try {
    const database = await databaseOf(folder)
    const contestants = [{ name: 'tenfold', url: ours.url, pid: ours.web }]
    for (const name of PEERS) {
      const peer = await launch<{ url: string }>({
        command: process.execPath,
        args: [join(import.meta.dirname, `${name}.ts`)],
        env: { ...databaseEnv(database), NODE_ENV: 'production' },
      })
      started.push(peer)
      contestants.push({ name, url: peer.ready.url, pid: peer.pid })
    }
    const machine = describeMachine(await serverVersion(database))
    await sameAnswers(contestants.map(({ url }) => url))
    for (const { url } of contestants)
      await ask({ url: url + PATH, connections: CONNECTIONS, seconds: WARM_SECONDS })

    const sampling = (connections: number, seconds: number) =>
      contestants.map(({ name, url, pid }) => ({
        name,
        sample: () => measure({ url: url + PATH, connections, seconds }, pid, ours.postgres),
      }))
    const loaded = await alternate(
      sampling(CONNECTIONS, options.seconds),
      options.rounds,
      (round, samples) => {
        const rates = [...samples].map(
          ([name, { load }]) => `${name} ${Math.round(load.requestsPerSecond)}/s`,
        )
        process.stderr.write(`${round + 1}/${options.rounds} ${rates.join('  ')}\n`)
      },
    )
    const single = await alternate(sampling(1, SINGLE_SECONDS), options.rounds)
    const how = `${options.rounds} alternations of ${options.seconds} s, ${CONNECTIONS} connections, ${generatorText}; one PostgreSQL for all`
    const samples = { loaded: Object.fromEntries(loaded), single: Object.fromEntries(single) }
    finish(
      {
        topic: `Read: GET ${PATH}, uncached`,
        machine,
        rounds: options.rounds,
        how,
        rows: rows(loaded, single),
        samples,
      },
      options.save ? import.meta.dirname : undefined,
    )
  } finally {
    for (const one of started.toReversed()) await one.stop()
  }
})

async function measure(
  load: Parameters<typeof ask>[0],
  nodePid: number,
  postgresPid: number,
): Promise<ReadSample> {
  const [nodeMark, postgresMark, allBefore] = [markCpu(nodePid), markCpu(postgresPid), machineCpuUs()]
  const startedAt = performance.now()
  const result: Load = await ask(load)
  const wallUs = (performance.now() - startedAt) * 1000
  const [node, postgres] = [cpuSince(nodeMark, nodePid), cpuSince(postgresMark, postgresPid)]
  const all = machineCpuUs() - allBefore
  const known = node + postgres + result.generatorUs * result.requests
  return {
    load: result,
    nodeUs: node / result.requests,
    postgresUs: postgres / result.requests,
    othersCores: Math.max(0, (all - known) / wallUs),
  }
}

/** All must say the same. PostgreSQL's JSON has spaces that a printer in JavaScript leaves out; nothing else may differ. */
async function sameAnswers(urls: readonly string[]): Promise<void> {
  const bodies = await Promise.all(urls.map(async (url) => (await fetch(url + PATH)).json()))
  for (const body of bodies) assert.deepEqual(body, bodies[0])
  assert.equal((bodies[0] as { lastName?: string }).lastName, 'Smith')
}
