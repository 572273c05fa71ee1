import assert from 'node:assert/strict'
import { join } from 'node:path'
import { alternate } from '../kit/alternate.ts'
import { cpuSince, machineCpuUs, markCpu } from '../kit/cpu.ts'
import { untilIdle } from '../kit/idle.ts'
import { databaseOf, startLightbox, withFolder } from '../kit/lightbox.ts'
import { ask, generatorText, type LoadOptions } from '../kit/load.ts'
import { describeMachine } from '../kit/machine.ts'
import { readOptions } from '../kit/options.ts'
import { serverVersion } from '../kit/postgres-version.ts'
import { launch } from '../kit/processes.ts'
import { finish } from '../kit/report.ts'
import { cacheReads } from './cache-reads.ts'
import { type CachedSample, rows } from './rows.ts'

const PATH = '/users/12'
const CONNECTIONS = 50
const WARM_SECONDS = 6
/** Idle latency needs fewer requests than a load. */
const SINGLE_SECONDS = 1

const options = readOptions()

await withFolder(async (folder) => {
  const ours = await startLightbox({ folder })
  const started: { stop(): Promise<void> }[] = [ours]
  try {
    const body = await (await fetch(ours.url + PATH)).text()
    assert.equal((JSON.parse(body) as { lastName?: string }).lastName, 'Smith')
    const bare = await launch<{ url: string }>({
      command: process.execPath,
      args: [join(import.meta.dirname, 'bare.ts')],
      env: { NODE_ENV: 'production', BENCH_PATH: PATH, BENCH_BODY: body },
    })
    started.push(bare)
    const contestants = [
      { name: 'tenfold', url: ours.url, pid: ours.web },
      { name: 'bare', url: bare.ready.url, pid: bare.pid },
    ]
    const machine = describeMachine(await serverVersion(await databaseOf(folder)))
    for (const { url } of contestants) {
      const answer = await fetch(url + PATH)
      assert.equal(await answer.text(), body)
      assert.equal(answer.headers.get('content-type'), 'application/json')
      await ask({ url: url + PATH, connections: CONNECTIONS, seconds: WARM_SECONDS })
    }
    // The pictures of the seeded community are made by jobs, after it is ready.
    await untilIdle(ours.web)
    const sampling = (connections: number, seconds: number) =>
      contestants.map(({ name, url, pid }) => ({
        name,
        sample: () => measure({ url: url + PATH, connections, seconds }, pid, ours.postgres),
      }))
    const before = await cacheReads(ours.status.consoleUrl)
    const loaded = await alternate(
      sampling(CONNECTIONS, options.seconds),
      options.rounds,
      (round, samples) => {
        const rates = [...samples].map(
          ([name, { load, nodeUs }]) =>
            `${name} ${Math.round(load.requestsPerSecond)}/s ${nodeUs.toFixed(1)} µs`,
        )
        process.stderr.write(`${round + 1}/${options.rounds} ${rates.join('  ')}\n`)
      },
    )
    const after = await cacheReads(ours.status.consoleUrl)
    const hits = (after.hits - before.hits) / (after.all - before.all)
    assert.ok(hits > 0.999, `Only ${hits} of the reads were hits`)
    const single = await alternate(sampling(1, SINGLE_SECONDS), options.rounds)
    const how = `${options.rounds} alternations of ${options.seconds} s, ${CONNECTIONS} connections, ${generatorText}`
    finish(
      {
        topic: `Cached read: GET ${PATH} from the guaranteed cache`,
        machine,
        rounds: options.rounds,
        how,
        rows: rows(loaded, single, hits),
        samples: { loaded: Object.fromEntries(loaded), single: Object.fromEntries(single) },
      },
      options.save ? import.meta.dirname : undefined,
    )
  } finally {
    for (const one of started.toReversed()) await one.stop()
  }
})

async function measure(load: LoadOptions, nodePid: number, postgresPid: number): Promise<CachedSample> {
  const [nodeMark, postgresMark, allBefore] = [markCpu(nodePid), markCpu(postgresPid), machineCpuUs()]
  const startedAt = performance.now()
  const result = await ask(load)
  const wallUs = (performance.now() - startedAt) * 1000
  const [node, postgres] = [cpuSince(nodeMark, nodePid), cpuSince(postgresMark, postgresPid)]
  const known = node + postgres + result.generatorUs * result.requests
  return {
    load: result,
    nodeUs: node / result.requests,
    postgresUs: postgres / result.requests,
    othersCores: Math.max(0, (machineCpuUs() - allBefore - known) / wallUs),
  }
}
