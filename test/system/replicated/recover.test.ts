import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, renameSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import type { NodeStatus } from '../../../src/core/topology.ts'
import { processesIn } from '../../../src/data/postgres/process.ts'
import { ServerProcess } from '../kit/server.ts'
import { signal } from '../kit/signal.ts'

const LIST = { type: 'list', key: '21' } as const
const control = (folder: string): string => join(folder, 'global', 'pg_control')

/** What an answer tells a program of its session: the next token, and what it has seen that may be lost. */
interface Told {
  readonly seen: string
  readonly lost: string | null
}

async function ask(
  { url }: ServerProcess,
  call: { type: 'append' | 'list'; key: string; element?: string },
  seen = '',
): Promise<Told> {
  const headers = { 'content-type': 'application/json', 'tenfold-seen': seen }
  const text = JSON.stringify(call)
  const send = () =>
    call.type === 'append'
      ? fetch(`${url}/op`, { method: 'POST', headers, body: text })
      : fetch(`${url}/op?call=${encodeURIComponent(text)}`, { headers })
  let answer = await send()
  // Whoever has waited for 10 s asks again.
  while (answer.status === 503) answer = await send()
  assert.equal(answer.status, 200)
  await answer.arrayBuffer()
  return { seen: answer.headers.get('tenfold-seen')!, lost: answer.headers.get('tenfold-lost') }
}

const append = (server: ServerProcess, element: string): Promise<Told> =>
  ask(server, { type: 'append', key: '21', element })

interface Loss {
  /** Of a session that has written before, and of two whose writes are lost. */
  readonly sessions: readonly Told[]
  readonly replica: NodeStatus
  /** Of the old primary; its control file is not where it was. */
  readonly folder: string
}

/** The standby is stopped, commits go on, and then the primary can never be started again. */
async function loses(server: ServerProcess): Promise<Loss> {
  const early = await append(server, 'kept')
  const { nodes } = await server.ready()
  const [primary, replica] = ['primary', 'replica'].map((role) => nodes.find((node) => node.role === role)!)
  await server.command('fault', 'pause', replica!.id)
  await server.until('commits are on one disk', ({ durability }) =>
    durability?.c0?.commits === 'one disk' ? true : undefined,
  )
  const late = [await append(server, 'lost'), await append(server, 'lost, too')]
  const folder = server.dataFolders.find((dir) => processesIn(dir).some(({ pid }) => pid === primary!.pid))!
  renameSync(control(folder), `${control(folder)}.away`)
  // Without its file it may have ended by itself by now. Its sessions would answer for a moment longer.
  for (const { pid } of processesIn(folder)) signal(pid, 'SIGKILL')
  return { sessions: [early, ...late], replica: replica!, folder }
}

/** Whoever waits for the next primary is told in the first answer what is lost: once, and only who has seen it. */
async function assertTold(server: ServerProcess, sessions: readonly Told[]): Promise<void> {
  const answers = await Promise.all(sessions.map(({ seen }) => ask(server, LIST, seen)))
  assert.deepEqual(
    answers.map(({ lost }) => lost),
    [null, 'c0', 'c0'],
  )
  const again = await Promise.all(answers.map(({ seen }) => ask(server, LIST, seen)))
  assert.deepEqual(
    again.map(({ lost }) => lost),
    [null, null, null],
  )
}

/** As it is the folder cannot be read; nor can one that is not there. Both are said. */
async function assertRefused(server: ServerProcess, kept: string): Promise<void> {
  const refused = (): Promise<{ code: number; stdout: string }> =>
    server.command('recover').then(
      (out) => assert.fail(out),
      (error) => error,
    )
  const broken = await refused()
  assert.equal(broken.code, 1)
  assert.match(
    broken.stdout,
    /may be lost. It cannot be compared with the present primary: .*Mend that, or the folder/s,
  )
  renameSync(kept, `${kept}.away`)
  assert.match((await refused()).stdout, new RegExp(`was not there. If it is found, move it to ${kept} `))
  renameSync(`${kept}.away`, kept)
}

const elementsOf = (transactions: { rows: { elements?: { element: string }[] } }[]): (string | undefined)[] =>
  transactions.map(({ rows }) => rows.elements?.[0]?.element)

test('what a failover without its standby loses is told to who has seen it, and listed, exported and discarded by `tenfold recover`', async (t) => {
  const server = await ServerProcess.start(t, {
    flags: ['--stage', 'replicated', '--replicas', '1', '--durability', 'available'],
  })
  assert.match(await server.command('recover'), /No failover has lost anything/)
  const { sessions, replica, folder } = await loses(server)
  await assertTold(server, sessions)
  await server.until('the standby is primary', ({ nodes }) =>
    nodes.find(({ id, role }) => id === replica.id && role === 'primary'),
  )
  await append(server, 'later')

  const parent = dirname(folder)
  const isKept = (name: string): boolean => name.includes('.lost-') && !name.endsWith('.tenfold')
  const kept = join(parent, readdirSync(parent).find(isKept)!)
  await assertRefused(server, kept)
  renameSync(`${control(kept)}.away`, control(kept))
  const file = join(parent, '..', 'lost.jsonl')
  const found = JSON.parse(await server.command('recover', '--json', '--export', file))
  assert.deepEqual([found.length, elementsOf(found[0].transactions)], [1, ['lost', 'lost, too']])
  const lines = readFileSync(file, 'utf8').trim().split('\n')
  assert.deepEqual(elementsOf(lines.map((line) => JSON.parse(line))), ['lost', 'lost, too'])
  assert.match(await server.command('recover'), /2 acknowledged transactions were lost/)
  assert.ok(existsSync(kept))
  await server.command('recover', '--discard')
  assert.ok(!existsSync(kept))
  assert.match(await server.command('recover'), /No failover has lost anything/)
})
