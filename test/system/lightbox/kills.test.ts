import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import pg from 'pg'
import type { ConnectionOptions } from '../../../src/data/client/types.ts'
import { until, within } from '../kit/deadline.ts'
import { FAULTS, type FaultName } from '../kit/nemesis.ts'
import { chooseSeed, Dice, LONG } from '../kit/seed.ts'
import { ServerProcess } from '../kit/server.ts'
import { checkFeed, checkLightbox } from './check.ts'
import { newDiary, Person } from './person.ts'

const PEOPLE = 5
/** Acts between two faults. */
const BETWEEN = 25
const FAULTS_HERE: readonly FaultName[] = [
  'kill the server',
  'kill PostgreSQL',
  'kill both',
  'terminate backends',
]

describe('FAULTS cases 1, 40 through Lightbox', () => {
  test('posts exactly once, also in each feed, counts equal to rows, handles unique, under kills', async (t) => {
    const seed = chooseSeed()
    t.diagnostic(`TENFOLD_SEED=${seed}`)
    const dice = new Dice(seed)
    const server = await ServerProcess.start(t, { app: 'examples/lightbox/app.ts', clusters: 2 })
    const diary = newDiary()
    let [acts, over] = [0, false]
    const people = Array.from({ length: PEOPLE }, (_, at) => new Person(server.url, dice.branch(at), diary))
    const arrive = async (person: Person, at: number): Promise<void> => {
      // All want the same handle first: one gets it.
      if (!(await person.signUp('everyones'))) assert.ok(await person.signUp(`person${at}`))
    }
    const live = async (person: Person, at: number): Promise<void> => {
      await person.beFaithfulTo(people[(at + 1) % PEOPLE]!.id)
      for (; !over; acts++) await person.act()
    }
    await Promise.all(people.map(arrive))
    const lives = Promise.all(people.map(live))
    lives.catch(() => {}) // it is awaited below
    const progress = async (): Promise<void> => {
      const goal = acts + BETWEEN
      // Someone who fails ends the wait.
      while (acts < goal) await within(Promise.race([lives, server.ready()]), 'a sign of life')
    }
    try {
      for (let round = 0; round < (LONG ? 15 : 1); round++)
        for (const fault of FAULTS_HERE) {
          await within(progress(), `life before: ${fault}`, 60_000)
          await FAULTS[fault](server, dice)
        }
      await within(progress(), 'life after all', 60_000)
    } catch (error) {
      throw new Error(`${(error as Error).message}\n${server.logTail()}`, { cause: error })
    } finally {
      over = true
      await lives.catch(() => {})
    }
    await lives
    t.diagnostic(`${acts} acts, ${diary.posts.length} posts; ${JSON.stringify([...diary.troubles])}`)
    const connections = await server.connections()
    const begun = performance.now()
    await jobsDone(connections)
    t.diagnostic(`the last job was done ${Math.round(performance.now() - begun)} ms after the last act`)
    assert.deepEqual(await checkLightbox(connections, diary), [])
    for (const person of people) assert.deepEqual(checkFeed(person.id, await person.feed(), diary), [])
  })
})

const COUNT = `select count(*)::int as n from tenfold.jobs 
where name in ('fanOutPost', 'settleFollow', 'announceCelebrity')`

/**
 * Waits until no job is left, whatever has become of those who ran it; none may have been given up. The photos of
 * the small community are another test's.
 */
async function jobsDone(connections: readonly ConnectionOptions[]): Promise<void> {
  const clients = connections.map((connection) => new pg.Client(connection))
  await Promise.all(clients.map((client) => client.connect()))
  try {
    const count = async (): Promise<number> => {
      const results = await Promise.all(clients.map((client) => client.query<{ n: number }>(COUNT)))
      return results.reduce((sum, { rows }) => sum + rows[0]!.n, 0)
    }
    await until(
      'no job of feeds and follows left',
      async () => ((await count()) === 0 ? true : undefined),
      90_000,
    )
  } finally {
    await Promise.all(clients.map((client) => client.end()))
  }
}
