import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { until, within } from '../kit/deadline.ts'
import { FAULTS } from '../kit/nemesis.ts'
import { chooseSeed, Dice, LONG } from '../kit/seed.ts'
import { ServerProcess } from '../kit/server.ts'
import { checkKept, settled } from './photo-checks.ts'
import { Photographer } from './photographer.ts'

const PEOPLE = 3
/** Acts between two faults. */
const BETWEEN = 8

/** The image process of a server, if it has one now: Linux tells by the command. */
function imageProcess(serverPid: number | null | undefined): number | undefined {
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    try {
      const command = readFileSync(`/proc/${name}/cmdline`, 'utf8')
      const parent = / (\d+) /.exec(readFileSync(`/proc/${name}/stat`, 'utf8').replace(/^.*\) \S/, ''))?.[1]
      if (command.includes('darkroom/process/main') && Number(parent) === serverPid) return Number(name)
    } catch {
      // It has just gone.
    }
  }
  return undefined
}

async function killImageProcess(server: ServerProcess): Promise<void> {
  const pid = await until('an image process', async () => imageProcess((await server.node('web'))?.pid))
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has just ended by itself.
  }
}

const HERE: Readonly<Record<string, (server: ServerProcess, dice: Dice) => Promise<void>>> = {
  'kill the image process': killImageProcess,
  'kill the server': FAULTS['kill the server'],
  'kill the image process again': killImageProcess,
  'kill both': FAULTS['kill both'],
  'kill PostgreSQL': FAULTS['kill PostgreSQL'],
}

describe('FAULTS case 27 through Lightbox', {
  skip: process.platform !== 'linux' && 'finds processes in /proc',
}, () => {
  test('photos under kills: each made once, from the last edits, with all its bytes', async (t) => {
    const seed = chooseSeed()
    t.diagnostic(`TENFOLD_SEED=${seed}`)
    const dice = new Dice(seed)
    const troubles = new Map<string, number>()
    const server = await ServerProcess.start(t, { app: 'examples/lightbox/app.ts', clusters: 2 })
    const people = Array.from(
      { length: PEOPLE },
      (_, at) => new Photographer(server.url, dice.branch(at), troubles),
    )
    let [acts, over] = [0, false]
    const lives = Promise.all(
      people.map(async (person, at) => {
        await person.signUp(`person${at}`)
        for (; !over; acts++) await person.act()
      }),
    )
    lives.catch(() => {}) // it is awaited below
    const progress = async (): Promise<void> => {
      const goal = acts + BETWEEN
      while (acts < goal) await within(Promise.race([lives, server.ready()]), 'a sign of life')
    }
    try {
      for (let round = 0; round < (LONG ? 10 : 1); round++)
        for (const [what, fault] of Object.entries(HERE)) {
          await within(progress(), `life before: ${what}`, 60_000)
          await fault(server, dice)
        }
      await within(progress(), 'life after all', 60_000)
      over = true
      await lives
      for (const person of people) await settled(person)
    } catch (error) {
      throw new Error(`${(error as Error).message}\n${server.logTail()}`, { cause: error })
    } finally {
      over = true
      await lives.catch(() => {})
    }
    const told = new Set(people.flatMap(({ photos }) => photos.map(({ id }) => id)))
    t.diagnostic(`${acts} acts, ${told.size} photos; ${JSON.stringify([...troubles])}`)
    assert.deepEqual(await checkKept(await server.connections(), told), [])
  })
})
