import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import pg from 'pg'
import {
  type Replicated,
  replicated,
  type TestSession,
} from '../../../src/data/client/fixtures/replicated.ts'
import { primaryOf, type TestCluster } from '../../../src/data/failover/fixtures/cluster.ts'
import { connectionTo } from '../../../src/data/postgres/address.ts'
import { Progress } from '../kit/progress.ts'
import { delayedLinks, type Links, losePrimary } from './links.ts'

const LONG = process.env.TENFOLD_TEST_LONG === '1'
const ROUNDS = LONG ? 20 : 2
const NODES = ['c0-pg-1', 'c0-pg-2', 'c0-pg-3']
const WRITERS = 4
/** Writes acknowledged and seen before each loss, and after. */
const BETWEEN = 50

interface Scene {
  readonly all: Replicated
  readonly cluster: TestCluster
  readonly links: Links
}

async function scene(t: TestContext): Promise<Scene> {
  const links = delayedLinks(t, NODES)
  const all = await replicated(t, { links: links.make })
  return { all, links, cluster: all.clusters[0] as TestCluster }
}

/** Sessions of the product's own client that write, one number after another, and look at what they wrote. */
class Writers {
  readonly acknowledged: number[] = []
  readonly unseen: number[] = []
  readonly #progress = new Progress()
  readonly #running: Promise<void>[]
  #isOver = false
  #next = 0

  constructor(all: Replicated) {
    this.#running = Array.from({ length: WRITERS }, () => this.#write(all.session()))
  }

  /** Resolves when so many more have been acknowledged, and seen. @throws what one has failed with */
  async further(count: number): Promise<void> {
    await Promise.race([this.#progress.further(count), Promise.all(this.#running)])
  }

  /** @throws what a write or a read has failed with: none may */
  async end(): Promise<void> {
    this.#isOver = true
    await Promise.all(this.#running)
  }

  async #write(session: TestSession): Promise<void> {
    while (!this.#isOver) {
      const id = ++this.#next
      await session.request((client) =>
        client.writeHome('note', (tx) => tx.query('insert into accounts (id, balance) values ($1, 0)', [id])),
      )
      this.acknowledged.push(id)
      const rows = await session.request((client) =>
        client.readHome((db) => db.query('select from accounts where id = $1', [id])),
      )
      if (rows.length !== 1) this.unseen.push(id)
      this.#progress.add()
    }
  }
}

/** With work before, and after. */
async function killPrimary({ cluster, links }: Scene, writers: Writers): Promise<void> {
  await writers.further(BETWEEN)
  await losePrimary(cluster, links)
  await writers.further(BETWEEN)
}

async function sql(cluster: TestCluster, text: string): Promise<{ id: number }[]> {
  const client = new pg.Client(connectionTo(primaryOf(cluster.keeper.topology()), 'app'))
  await client.connect()
  try {
    return (await client.query(text)).rows
  } finally {
    await client.end()
  }
}

async function lostBy(here: Scene, writers: Writers): Promise<number[]> {
  const kept = new Set((await sql(here.cluster, 'select id from accounts')).map(({ id }) => id))
  return writers.acknowledged.filter((id) => !kept.has(id))
}

test('through the data client: no write that it acknowledged is lost, none fails, each session sees its own', async (t) => {
  const here = await scene(t)
  const writers = new Writers(here.all)
  for (let round = 0; round < ROUNDS; round++) {
    await killPrimary(here, writers)
    await here.cluster.whole()
  }
  // An id that is inserted twice would fail: each write has taken effect once.
  await writers.end()
  assert.deepEqual([await lostBy(here, writers), writers.unseen], [[], []])
  t.diagnostic(`${writers.acknowledged.length} writes, ${ROUNDS} primaries lost`)
})

test('planted: a transaction that commits without its standby is lost: the test can fail', async (t) => {
  const here = await scene(t)
  await sql(
    here.cluster,
    `create function hasty() returns trigger language plpgsql as $$
       begin perform set_config('synchronous_commit', 'local', true); return null; end $$;
     create trigger hasty after insert on accounts for each statement execute function hasty()`,
  )
  const writers = new Writers(here.all)
  let lost: number[] = []
  for (let round = 0; round < 5 && lost.length === 0; round++) {
    await killPrimary(here, writers)
    await here.cluster.whole()
    lost = await lostBy(here, writers)
  }
  await writers.end()
  assert.notDeepEqual(lost, [])
})
