import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { readPostmasterFile } from '../../../src/data/postgres/postmaster-file.ts'
import { processesIn } from '../../../src/data/postgres/process.ts'
import type { PostgresServer } from '../../../src/data/postgres/types.ts'
import { until, within } from '../kit/deadline.ts'
import { LONG } from '../kit/seed.ts'
import { stopAll, takesConnections } from '../kit/stopped.ts'
import { rejection, type Scratch, scratch, sql } from './kit.ts'

/** What a start may take that is silent from its beginning (20 s, and the first second), on a machine that may be busy. */
const FAILS_MS = 60_000
/** Longer than a start may be silent. */
const SILENT_AND_MORE_MS = 9_000

async function madePlace(t: Parameters<typeof scratch>[0]): Promise<Scratch> {
  const place = scratch(t)
  const server = place.server()
  await server.start()
  await sql(server, 'create table kept as select 1 as one')
  await server.stop({ mode: 'immediate' })
  return place
}

/** Stops each process of the folder as soon as there is `what`. */
function stopAt(place: Scratch, what: () => boolean): Promise<unknown> {
  return until('a start', () => (what() ? stopAll(place.dataDir) : undefined), FAILS_MS, 0)
}

async function fails(place: Scratch, server: PostgresServer, stopped: Promise<unknown>): Promise<void> {
  const failed = rejection(within(server.start(), 'its failure', FAILS_MS))
  await stopped
  const { code, remedy, message } = await failed
  assert.equal(code, 'TENFOLD_POSTGRES_SILENT', message)
  assert.ok(remedy)
  assert.deepEqual(processesIn(place.dataDir), [])
  const next = place.server()
  await next.start()
  assert.deepEqual(await sql(next, 'select one from kept'), [{ one: 1 }])
}

test('a server that is stopped as its process appears: the start fails, and the next succeeds', {
  skip: !LONG && 'in the long form',
}, async (t) => {
  const place = await madePlace(t)
  await fails(
    place,
    place.server(),
    stopAt(place, () => processesIn(place.dataDir).length > 0),
  )
})

test('a server that is stopped while it recovers: the start fails soon, and the next succeeds', async (t) => {
  const place = await madePlace(t)
  const from = performance.now()
  await fails(
    place,
    place.server(),
    stopAt(place, () => takesConnections(place.dataDir)),
  )
  assert.ok(performance.now() - from < 20_000, `${performance.now() - from} ms`)
})

test('a recovery that takes longer than a silence is waited for: it answers, and logs nothing of the questions', {
  skip: !LONG && 'in the long form',
}, async (t) => {
  const place = await madePlace(t)
  writeFileSync(join(place.dataDir, 'recovery.signal'), '')
  const server = place.server({
    settings: { restore_command: 'until test -e goes-on; do sleep 0.05; done; false' },
  })
  const started = server.start()
  started.catch(() => {})
  await until('its recovery', () => readPostmasterFile(place.dataDir)?.status === 'starting' || undefined)
  // What is proven is that nothing happens, and that takes its time.
  const over = performance.now() + SILENT_AND_MORE_MS
  await until('more than a silence', () => performance.now() > over || undefined)
  assert.equal(server.state, 'starting')
  writeFileSync(join(place.dataDir, 'goes-on'), '')
  await within(started, 'its start')
  assert.deepEqual(await sql(server, 'select one from kept'), [{ one: 1 }])
  assert.doesNotMatch(readFileSync(place.options().logFile, 'utf8'), /starting up|startup packet/)
})
