import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import pg from 'pg'
import type { ConnectionOptions } from '../../../src/data/client/types.ts'
import { until, within } from '../kit/deadline.ts'
import { FAULTS } from '../kit/nemesis.ts'
import { chooseSeed, Dice, LONG } from '../kit/seed.ts'
import { ServerProcess } from '../kit/server.ts'
import { Photographer } from './photographer.ts'

const PEOPLE = 3
/** Acts between two faults. */
const BETWEEN = 8
/** A job whose worker was killed runs again when its lease is over. */
const SETTLED_MS = 120_000

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

interface Row {
  id: string
  original: string
  variants: { blob: string; width: number; format: string }[]
  proof: { blob: string } | null
}

/**
 * What is kept must be what rows name, each once: nothing lost, nothing doubled, nothing left over. Photos of the
 * seeded community have words, those of the people here have none.
 */
async function checkKept(
  clusters: readonly ConnectionOptions[],
  told: ReadonlySet<string>,
): Promise<string[]> {
  const wrong: string[] = []
  const [rows, kept]: [Row[], string[]] = [[], []]
  for (const connection of clusters) {
    const client = new pg.Client(connection)
    await client.connect()
    try {
      rows.push(
        ...(await client.query<Row>("select id, original, variants, proof from photos where alt = ''")).rows,
      )
      const refs = await client.query<{ ref: string }>(
        "select name || ' ' || encode(blob, 'hex') as ref from tenfold.blob_refs r where exists (select from photos p where r.name like 'photo/' || p.id || '%' and p.alt = '')",
      )
      kept.push(...refs.rows.map(({ ref }) => ref.replace(/\/\d+ /, ' ')))
    } finally {
      await client.end()
    }
  }
  const named = rows.flatMap(({ id, original, variants, proof }) =>
    [original, ...new Set([...variants, ...(proof ? [proof] : [])].map(({ blob }) => blob))].map(
      (blob) => `photo/${id} ${blob}`,
    ),
  )
  assert.deepEqual(kept.toSorted(), named.toSorted())
  for (const { id, variants } of rows) {
    if (!told.has(id)) wrong.push(`photo ${id} was never acknowledged`)
    const kinds = variants.map(({ width, format }) => `${width} ${format}`)
    if (new Set(kinds).size !== kinds.length) wrong.push(`photo ${id} has doubled variants: ${kinds}`)
  }
  if (rows.length !== told.size) wrong.push(`${told.size} photos were acknowledged, ${rows.length} are there`)
  return wrong
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

/** Every photo is ready, made from the edits that were acknowledged last, and its bytes are there. */
async function settled(person: Photographer): Promise<void> {
  for (const { id, sharpen } of person.photos) {
    const seen = await until(
      `photo ${id} is made`,
      async () => {
        const photo = await person.see(id)
        return photo.status === 'processing' ? undefined : photo
      },
      SETTLED_MS,
    )
    assert.equal(seen.status, 'ready', id)
    assert.equal(seen.edits.sharpen ?? 0, sharpen, id)
    assert.ok(seen.variants.length >= 6, id)
    for (const { url } of seen.variants) assert.ok(await person.isWhole(url), url)
  }
}
