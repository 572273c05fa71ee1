import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { within } from '../kit/deadline.ts'
import { FAULTS, type FaultName } from '../kit/nemesis.ts'
import { chooseSeed, Dice, LONG } from '../kit/seed.ts'
import { ServerProcess } from '../kit/server.ts'
import { checkLightbox } from './check.ts'
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
  test('posts exactly once, counts equal to rows, handles unique, under kills', async (t) => {
    const seed = chooseSeed()
    t.diagnostic(`TENFOLD_SEED=${seed}`)
    const dice = new Dice(seed)
    const server = await ServerProcess.start(t, { app: 'examples/lightbox/app.ts', clusters: 2 })
    const diary = newDiary()
    let [acts, over] = [0, false]
    const live = async (at: number): Promise<void> => {
      const person = new Person(server.url, dice.branch(at), diary)
      // All want the same handle first: one gets it.
      if (!(await person.signUp('everyones'))) assert.ok(await person.signUp(`person${at}`))
      for (; !over; acts++) await person.act()
    }
    const lives = Promise.all(Array.from({ length: PEOPLE }, (_, at) => live(at)))
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
    assert.deepEqual(await checkLightbox(await server.connections(), diary), [])
  })
})
