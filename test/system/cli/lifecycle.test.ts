import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { SystemStatus } from '../../../src/core/topology.ts'
import { askStatus } from '../../../src/supervisor/control-client.ts'
import { until, within } from '../kit/deadline.ts'
import { place, runs } from './kit.ts'

test('start, status, logs, stop: from an empty folder to nothing left', async (t) => {
  const here = place(t)
  const system = await here.start([], { fromNothing: true })
  assert.match(
    system.readyLine,
    /^Tally is ready at http:\/\/127\.0\.0\.1:\d+ \(stage single, console http:\/\/127/,
  )
  assert.deepEqual(await (await system.post('/a')).json(), { value: 1 })

  // It is private, and secrets are for their owner only.
  const mode = (name: string): number => statSync(join(here.data, name)).mode & 0o777
  assert.deepEqual(
    ['', 'control.sock', 'secrets.json'].map((name) => mode(name).toString(8)),
    ['700', '600', '600'],
  )
  assert.deepEqual(JSON.parse(readFileSync(join(here.data, 'tenfold.json'), 'utf8')), { format: 1 })

  const status = await system.status()
  assert.equal(status.app, 'tally')
  assert.equal(status.stage, 'single')
  assert.equal(status.state, 'ready')
  assert.equal(status.url, system.url)
  assert.deepEqual(status.directory.clusters, { c0: [[0, 4095]] })
  assert.deepEqual(
    status.nodes.map(({ id, tier, role, state }) => ({ id, tier, role, state })),
    [
      { id: 'web-1', tier: 'web', role: undefined, state: 'healthy' },
      { id: 'c0-pg-1', tier: 'data', role: 'primary', state: 'healthy' },
    ],
  )
  const data = status.nodes.find(({ id }) => id === 'c0-pg-1')!
  assert.match(data.lsn!, /^[0-9A-F]+\/[0-9A-F]+$/)
  assert.equal(data.timeline, 1)
  assert.match((await here.run(['status', '--data', here.data])).out, /web-1 +web .*healthy/)

  const logs = await here.run(['logs', '--data', here.data, '--node', 'web-1', '--json'])
  assert.ok(
    logs.out
      .split('\n')
      .filter(Boolean)
      .every((line) => (JSON.parse(line) as { node: string }).node === 'web-1'),
  )

  const stopped = await here.run(['stop', '--data', here.data])
  assert.equal(stopped.code, 0, stopped.err)
  assert.equal((await system.guard.ended).code, 0)
  for (const { pid } of status.nodes) assert.equal(runs(pid!), false)
  const after = await here.run(['status', '--data', here.data])
  assert.equal(after.code, 1)
  assert.match(after.err, /Nothing runs on .*\n.*tenfold start.*\n.*TENFOLD_NOT_RUNNING/)
})

test('the cache can be looked into', async (t) => {
  const here = place(t)
  const system = await here.start()
  assert.deepEqual(await (await system.post('/a')).json(), { value: 1 })
  const inspect = async (...args: string[]) => {
    const { code, out, err } = await here.run(['cache', 'inspect', ...args, '--data', here.data])
    assert.equal(code, 0, err)
    return out
  }
  const key = 'tally["a"]'
  interface Report {
    present: boolean
    copies: { cluster: string; present: boolean; floor: string | null; from: string; position: string }[]
  }
  const report = async () => JSON.parse(await inspect(key, '--json')) as Report
  const invalidated = await report()
  assert.equal(invalidated.present, false)
  assert.notEqual(invalidated.copies[0]?.floor, null)
  for (let loaded = false; !loaded; loaded = (await report()).present)
    assert.deepEqual(await (await system.get('/a')).json(), { value: 1 })
  const [copy] = (await report()).copies
  assert.equal(copy?.cluster, 'c0')
  assert.match(copy?.from ?? '', /^[0-9A-F]+\/[0-9A-F]+$/)
  assert.match(await inspect(key), /c0 +\d+\.\d+ +cached/)
  assert.match(await inspect(), /1 values, 0\.0 MiB of 64\.0 MiB/)
  assert.match(await inspect('no[1]'), /no\[1\] is not cached/)
})

test('--json prints one JSON object, the same as status', async (t) => {
  const here = place(t)
  const guard = here.command(['start', '--data', here.data, '--port', '0', '--console-port', '0', '--json'])
  await guard.shows(/^}$/m)
  const printed = JSON.parse(guard.so.out) as SystemStatus
  const asked = JSON.parse((await here.run(['status', '--data', here.data, '--json'])).out) as SystemStatus
  // Positions move on by themselves.
  const still = ({ nodes, relay: _, ...rest }: SystemStatus) => ({
    ...rest,
    nodes: nodes.map(({ lsn: _, ...node }) => node),
  })
  assert.deepEqual(still(printed), still(asked))
})

test('each signal stops everything within 10 s and exits 0; what was written is there after the next start', async (t) => {
  const here = place(t)
  for (const [at, signal] of (['SIGINT', 'SIGTERM', 'SIGHUP'] as const).entries()) {
    const system = await here.start()
    assert.deepEqual(await (await system.post('/a')).json(), { value: at + 1 })
    const pids = [await system.pidOf('web-1'), await system.pidOf('c0-pg-1')]
    system.guard.child.kill(signal)
    const { code } = await within(system.guard.ended, 'the end', 10_000)
    assert.equal(code, 0, signal)
    assert.deepEqual(pids.map(runs), [false, false])
  }
})

test('a signal while starting stops too', async (t) => {
  const here = place(t)
  const guard = here.command(['start', '--data', here.data, '--port', '0', '--console-port', '0'])
  await until('the control socket', () => askStatus(here.data).catch(() => undefined))
  guard.child.kill('SIGINT')
  const { code } = await within(guard.ended, 'the end', 10_000)
  assert.equal(code, 0)
  assert.equal((await here.run(['status', '--data', here.data])).code, 1)
})

test('two clusters: half of the buckets each, both in one PostgreSQL; the console port tells of it, for this machine only', async (t) => {
  const here = place(t)
  const system = await here.start(['--clusters', '2'])
  for (const name of ['a', 'b', 'c', 'd', 'e', 'f'])
    assert.deepEqual(await (await system.post(`/${name}`)).json(), { value: 1 })
  const { directory } = await system.status()
  assert.deepEqual(directory.clusters, { c0: [[0, 2047]], c1: [[2048, 4095]] })
  const counts = await Promise.all(
    ['c0', 'c1'].map(async (cluster) => {
      const { out, err } = await here.run([
        'sql',
        '--data',
        here.data,
        '--cluster',
        cluster,
        '--json',
        '-c',
        'select count(*)::int as n from counters',
      ])
      assert.equal(err, '')
      return (JSON.parse(out) as { n: number }).n
    }),
  )
  assert.equal(counts[0]! + counts[1]!, 6)
  assert.ok(counts.every((n) => n > 0))

  const { consoleUrl } = await system.status()
  assert.equal((await fetch(`${consoleUrl}/healthz`)).status, 200)
  assert.equal((await fetch(`${consoleUrl}/readyz`)).status, 200)
  assert.match(
    await (await fetch(`${consoleUrl}/metrics`)).text(),
    /tenfold_node_state\{node="c0-pg-1",tier="data",state="healthy"\} 1/,
  )
  assert.equal(((await (await fetch(`${consoleUrl}/api/status`)).json()) as SystemStatus).state, 'ready')
  assert.equal((await fetch(`${consoleUrl}/`)).status, 404)
})

test('a closed terminal does not end the system', async (t) => {
  const here = place(t)
  const system = await here.start()
  system.guard.child.stdout!.destroy()
  system.guard.child.stderr!.destroy()
  process.kill(await system.pidOf('web-1'), 'SIGKILL')
  await within(backAgain(system.url), 'the server, which has nowhere to say so')
  assert.equal(system.guard.child.exitCode, null)
  const web = await system.pidOf('web-1')
  const stopped = await here.run(['stop', '--json', '--data', here.data])
  assert.equal(stopped.code, 0)
  assert.ok((JSON.parse(stopped.out).stopped as number[]).includes(web))
})

async function backAgain(url: string): Promise<void> {
  await until('an answer', () =>
    fetch(`${url}/version`).then(
      (r) => (r.ok ? true : undefined),
      () => undefined,
    ),
  )
}

test('a state folder whose path is too long for some of its sockets only works', async (t) => {
  const here = place(t)
  const TMPDIR = mkdtempSync(join(tmpdir(), 'tenfold-tmp-'))
  t.after(() => rmSync(TMPDIR, { recursive: true, force: true }))
  const bytes = 90
  const data = join(here.dir, 'd'.repeat(bytes - here.dir.length - 1))
  const flags = ['--data', data, '--port', '0', '--console-port', '0', '--stage', 'split', '--workers', '1']
  const guard = here.command(['start', ...flags], { env: { TMPDIR } })
  await guard.shows(/is ready at/)
  assert.equal(existsSync(join(data, 'control.sock')), true)
  const { nodes } = await until('all nodes', async () => {
    const status = await askStatus(data)
    return status.state === 'ready' ? status : undefined
  })
  assert.ok(nodes.some(({ id, address }) => id === 'relay-1' && address.includes(TMPDIR)))
  assert.equal((await here.run(['stop', '--data', data], { env: { TMPDIR } })).code, 0)
})

test('a state folder with a long path works', async (t) => {
  const here = place(t)
  const data = join(here.dir, 'long'.repeat(30), 'state')
  const guard = here.command(['start', '--data', data, '--port', '0', '--console-port', '0'])
  await guard.shows(/is ready at/)
  assert.equal(existsSync(join(data, 'control.sock')), false)
  assert.equal((await here.run(['status', '--data', data])).code, 0)
  assert.equal((await here.run(['stop', '--data', data])).code, 0)
})
