import type { TestContext } from 'node:test'
import type { ConnectionOptions } from '../../../src/data/client/types.ts'
import { KitClient } from './client.ts'
import { type Begins, CutProxy, saying } from './cut-proxy.ts'
import { within } from './deadline.ts'
import { type Call, Recorder, type Violation } from './history.ts'
import { violations } from './judge.ts'
import { Dice } from './seed.ts'

/** One call of each kind that changes something; `at` keeps values and elements unique. */
const changesAt = (at: number): Call[] => [
  { type: 'write', key: '11', value: at * 10 },
  { type: 'cas', key: '11', from: at * 10, to: at * 10 + 1 },
  { type: 'append', key: '21', element: `e${at}` },
  { type: 'increment', keys: ['31', '32'], by: 1 },
  { type: 'transfer', from: 'anna', to: 'ben', amount: 1 },
]

const LOOKS: readonly Call[] = [
  { type: 'look', key: '11' },
  { type: 'read', key: '11' },
  { type: 'list', key: '21' },
  { type: 'count', key: '31' },
  { type: 'count', key: '32' },
  { type: 'balances' },
]

/**
 * Where connections are cut while one call is handled. Chosen by what is said, not by chance: a bug that these
 * bring out is brought out every time.
 */
const CUTS: Record<string, (at: Places) => Armed | undefined> = {
  'before COMMIT arrives': ({ database, commit }) => database.arm({ side: 'request', after: 0 }, commit),
  'after COMMIT, before its answer': ({ database, commit }) =>
    database.arm({ side: 'answer', after: 0 }, commit),
  'after the work, before the answer to the client': ({ web }) =>
    web.arm({ side: 'answer', after: 0 }, saying('POST /op')),
  'in the midst of the request': ({ web }) => web.arm({ side: 'request', after: 100 }, saying('POST /op')),
  nowhere: () => undefined,
}

type Armed = ReturnType<CutProxy['arm']>

interface Places {
  readonly web: CutProxy
  readonly database: CutProxy
  /** Recognises the words that carry COMMIT. */
  readonly commit: Begins
}

/** The data client sends a write's result in one piece with its prepared COMMIT: these are the kit's results. */
const RESULTS = ['{"value":', '{"swapped":', '{"length":', '{"total":', '{"moved":']
export const productCommit: Begins = (chunk) => RESULTS.some((words) => chunk.includes(words))

export interface OrdealOptions {
  readonly url: string
  readonly database: CutProxy
  readonly commit: Begins
  /** Past all proxies. */
  readonly connections: readonly ConnectionOptions[]
  /** The share of calls that are sent once more after their answer. @defaultValue 1 */
  readonly repeats?: number
}

/**
 * Does every kind of call under every cut, with a look at everything in between, each call repeated under its key.
 * Returns what the checkers find.
 */
export async function ordeal(
  t: TestContext,
  { url, database, commit, connections, repeats = 1 }: OrdealOptions,
): Promise<Violation[]> {
  const web = await CutProxy.listen({ port: 0 }, { port: Number(new URL(url).port) })
  t.after(() => web.close())
  const recorder = new Recorder()
  const client = new KitClient({
    url: `http://127.0.0.1:${web.port}`,
    session: 's',
    recorder,
    dice: new Dice(1),
    repeats,
  })
  let at = 0
  for (const [name, cut] of Object.entries(CUTS)) {
    at += 1
    for (const call of changesAt(at)) {
      const armed = cut({ web, database, commit })
      await within(client.do(call), `${call.type}, cut ${name}`)
      await within(armed?.severed ?? Promise.resolve(), `the cut ${name} of ${call.type}`)
      for (const look of LOOKS) await within(client.do(look), look.type)
    }
  }
  return violations(recorder.operations, connections)
}
