import { rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { createRuntime } from '../app/compose.ts'
import type { Runtime, RuntimeOptions } from '../app/runtime.ts'
import type { AppDefinition, Placing, System } from '../app/types.ts'
import { Releasers } from '../core/lifecycle.ts'
import { silentLogger } from '../core/log.ts'
import type { ClusterOptions } from '../data/client/types.ts'
import { prepareData } from '../data/prepare.ts'
import { age } from './ageing.ts'
import { createClient } from './client.ts'
import { TestClock } from './clock.ts'
import { dropTestDatabase } from './databases.ts'
import { InProcessServer, toRequest } from './exchange.ts'
import { createFault } from './fault.ts'
import { makeTestFolder } from './folder.ts'
import { checkSessions } from './leak.ts'
import { type TestServer, testServer } from './server.ts'
import { RawConnections } from './sql.ts'
import { cloneTemplate } from './template.ts'
import type { StartTestOptions, TestApp } from './types.ts'

/** Not secret: it signs what only lives in a test. */
const SIGNING_KEY = Buffer.alloc(32, 'tenfold test')
const HOST = '127.0.0.1'

/**
 * Starts an app on fresh databases, for one test.
 *
 * The first call of a process starts PostgreSQL and makes a template of the migrated (and seeded) databases;
 * each further one clones it. With `TENFOLD_TEST_DATABASE=postgres://…` the databases lie on that server.
 * Every write's `work` runs twice, the first run rolled back, so that a write that is not repeatable fails.
 *
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import { test } from 'node:test'
 * import { startTest } from 'tenfold/test'
 * import definition from './app.ts'
 *
 * test('a note is there once it is written', async () => {
 *   await using app = await startTest(definition, { clusters: 2 })
 *   const written = await app.fetch('/users/7/notes', { json: { text: 'hello' } })
 *   assert.equal(written.status, 201)
 *   const read = await app.fetch('/users/7/notes')
 *   assert.deepEqual(await read.json(), [{ text: 'hello' }])
 * })
 * ```
 */
export async function startTest<Schema, P extends Placing<Schema>>(
  definition: AppDefinition<Schema, P>,
  options: StartTestOptions = {},
): Promise<TestApp<Schema, P>> {
  // What runs an app does not know its tables.
  const anyDefinition = definition as unknown as AppDefinition
  const server = await testServer({ durable: options.durable })
  const releasers = new Releasers()
  try {
    const clusters = await databases(server, anyDefinition, options)
    const files = makeTestFolder(false)
    releasers.push(() => rmSync(files, { recursive: true, force: true }))
    releasers.push(async () => {
      for (const { connection } of clusters) await dropTestDatabase(server, connection.database)
    })
    const places = { clusters, files }
    return (await start<Schema, P>(server, anyDefinition, places, options, releasers)) as TestApp<Schema, P>
  } catch (error) {
    await releasers.releaseAll().catch(() => {}) // what went wrong first is what matters
    throw error
  }
}

function databases(
  server: TestServer,
  definition: AppDefinition,
  options: StartTestOptions,
): Promise<ClusterOptions[]> {
  const { seed = false } = options
  const fill = async (clusters: readonly ClusterOptions[]): Promise<void> => {
    const { migrations, seed: run } = definition.options
    await prepareData({
      clusters,
      placing: definition.placing,
      migrations,
      log: options.config?.log ?? silentLogger,
    })
    if (!seed || run === undefined) return
    const runtime = createRuntime(definition, { ...runtimeOptions(clusters, options), doubleRun: false })
    try {
      await runtime.start()
      await run(runtime.system as never)
    } finally {
      await runtime.stop()
    }
    await checkSessions(server, clusters)
  }
  return cloneTemplate({ server, definition, clusters: options.clusters ?? 1, seed, fill })
}

const runtimeOptions = (
  clusters: readonly ClusterOptions[],
  { config }: StartTestOptions,
): RuntimeOptions => ({
  signingKeys: [SIGNING_KEY],
  log: silentLogger,
  secureCookies: false,
  doubleRun: true,
  cacheAudit: true,
  runJobs: false,
  ...config,
  clusters,
})

async function start<Schema, P extends Placing<Schema>>(
  server: TestServer,
  definition: AppDefinition,
  { clusters, files }: { clusters: readonly ClusterOptions[]; files: string },
  options: StartTestOptions,
  releasers: Releasers,
): Promise<TestApp<Schema, P>> {
  const raw = new RawConnections(clusters)
  const clock = new TestClock((ms) => age(raw, clusters, ms))
  const fault = createFault(
    server,
    clusters.map(({ name }) => name),
    (name) => raw.cluster(name),
  )
  releasers.push(() => checkSessions(server, clusters))
  releasers.push(() => raw.end())
  const runtime = createRuntime(definition, {
    blobFolder: join(files, 'blobs'),
    spoolFolder: join(files, 'spool'),
    ...runtimeOptions(clusters, options),
    clock,
  })
  releasers.push(() => runtime.stop())
  await runtime.start()
  const secure = options.config?.secureCookies ?? false
  const inProcess = new InProcessServer(runtime.listener, secure)
  releasers.push(() => inProcess.close())
  releasers.push(() => fault.end())
  releasers.push(() => runtime.drain())
  return new RunningTestApp<Schema, P>({ runtime, inProcess, clock, raw, fault, secure, releasers })
}

interface Parts {
  readonly runtime: Runtime
  readonly inProcess: InProcessServer
  readonly clock: TestClock
  readonly raw: RawConnections
  readonly fault: TestApp<unknown, Placing<unknown>>['fault']
  readonly secure: boolean
  readonly releasers: Releasers
}

class RunningTestApp<Schema, P extends Placing<Schema>> implements TestApp<Schema, P> {
  readonly #parts: Parts
  readonly system: System<Schema, P>
  readonly clock: TestClock
  readonly fault: Parts['fault']
  readonly jobs: TestApp<Schema, P>['jobs']
  url: string
  #listening: Promise<string> | undefined
  #stopping: Promise<void> | undefined

  constructor(parts: Parts) {
    this.#parts = parts
    this.system = parts.runtime.system as unknown as System<Schema, P>
    this.clock = parts.clock
    this.fault = parts.fault
    this.jobs = { drain: () => parts.runtime.jobs.drain() }
    this.url = parts.secure ? 'https://localhost' : 'http://localhost'
  }

  readonly fetch: TestApp<Schema, P>['fetch'] = (input, init) => {
    const { url, request } = toRequest(this.url, input, init)
    return this.#parts.inProcess.fetch(url, request)
  }

  client(
    options: Parameters<TestApp<Schema, P>['client']>[0] = {},
  ): ReturnType<TestApp<Schema, P>['client']> {
    const send = (request: Request): Promise<Response> =>
      this.#parts.inProcess.fetch(new URL(request.url), request)
    return createClient(send, (input, init) => toRequest(this.url, input, init).request, this.clock, options)
  }

  sql(cluster = 'c0'): ReturnType<TestApp<Schema, P>['sql']> {
    return this.#parts.raw.sql(cluster)
  }

  listen(): Promise<string> {
    this.#listening ??= this.#listen()
    return this.#listening
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#parts.releasers.releaseAll()
    return this.#stopping
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  async #listen(): Promise<string> {
    const server = createServer(this.#parts.runtime.listener)
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, HOST, resolve))
    this.#parts.releasers.push(() => close(server))
    this.url = `http://${HOST}:${(server.address() as AddressInfo).port}`
    return this.url
  }
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}
