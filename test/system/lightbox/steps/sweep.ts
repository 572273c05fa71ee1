import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { picture } from '../../../../examples/lightbox/darkroom/fixtures/images.ts'
import type { ConnectionOptions } from '../../../../src/data/client/types.ts'
import { until } from '../../kit/deadline.ts'
import { testFolder } from '../../kit/folder.ts'
import type { Dice } from '../../kit/seed.ts'
import { ServerProcess } from '../../kit/server.ts'
import { checkFiles, checkKept, checkWhole, everywhere, leftovers, made, settled } from '../photo-checks.ts'
import { Photographer } from '../photographer.ts'
import { logFile, type Plan, planFile } from './killer.ts'

/** A photo so narrow is made in one size, in three formats. */
const VARIANTS = 3
/** Its smallest size: as it is sent it is larger than what waits in memory. Pixels. */
const [WIDTH, HEIGHT] = [200, 150]

/** Longer than any photo takes. Milliseconds. */
const LIFE_MS = 180_000

/** Every insert of a photo and every change of its state, for good or for ill, in the transaction that makes it. */
const AUDIT = [
  'create schema audit',
  'create table audit.changes (photo uuid not null, what text not null, status text not null)',
  `create function audit.note() returns trigger language plpgsql as $$
    begin insert into audit.changes values (new.id, tg_op, new.status); return null; end $$`,
  'create trigger audit after insert or update of status on photos for each row execute function audit.note()',
]

/** What happened on the way of one photo. */
export interface Happened {
  /** The steps up to the one at which the server was ended, or all. */
  readonly steps: readonly string[]
  readonly killed: boolean
}

/** Lightbox in a server process that can be ended at each step of its way, and somebody who sends photos. */
export class Sweep {
  readonly server: ServerProcess
  readonly person: Photographer
  readonly state: string
  readonly clusters: readonly ConnectionOptions[]
  readonly #folder: string
  #photos = 0

  private constructor(
    server: ServerProcess,
    clusters: readonly ConnectionOptions[],
    place: { readonly state: string; readonly folder: string },
    dice: Dice,
  ) {
    this.server = server
    this.clusters = clusters
    this.state = place.state
    this.#folder = place.folder
    this.person = new Photographer(server.url, dice, new Map())
  }

  static async start(t: TestContext, count: number, dice: Dice): Promise<Sweep> {
    const dir = testFolder('tenfold-steps-')
    const [state, folder] = [join(dir, 'state'), join(dir, 'steps')]
    mkdirSync(folder)
    let running: ServerProcess | undefined
    t.after(async () => {
      await running?.stop()
      rmSync(dir, { recursive: true, force: true })
    })
    const preload = new URL('./preload.ts', import.meta.url).href
    const env = { NODE_OPTIONS: `--import ${preload}`, STEPS_FOLDER: folder, STEPS_DATA: state }
    const app = 'test/system/lightbox/steps/app.ts'
    const server = await ServerProcess.start(t, { app, clusters: count, dir, env })
    running = server
    const clusters = await server.connections()
    for (const sql of AUDIT) await everywhere(clusters, sql)
    const sweep = new Sweep(server, clusters, { state, folder }, dice)
    await sweep.person.signUp('walker')
    return sweep
  }

  /** Sends a photo to a server that ends at the step, and waits until the photo is made. Without one it does not end. */
  async run(step?: Omit<Plan, 'id'>): Promise<Happened> {
    try {
      return await this.#run(++this.#photos, step ?? { nth: 0 })
    } catch (error) {
      const { message } = error as Error
      throw new Error(`ended at ${JSON.stringify(step)}: ${message}\n${this.server.logTail()}`, {
        cause: error,
      })
    }
  }

  async #run(id: number, step: Omit<Plan, 'id'>): Promise<Happened> {
    const plan = planFile(this.#folder)
    writeFileSync(`${plan}.new`, JSON.stringify({ id, ...step }))
    renameSync(`${plan}.new`, plan)
    // Others than before, in every format: what an earlier photo has stored must not help this one.
    const picked = picture(WIDTH + (id % 100), HEIGHT + Math.floor(id / 100))
    const image = await picked.png({ compressionLevel: 0 }).toBuffer()
    let over = false
    const died = until('the end of the server', () => (over || !existsSync(plan) ? true : undefined), LIFE_MS)
    const looked = died.then(() => assert.deepEqual(checkWhole(this.state).wrong, [], 'right after its end'))
    looked.catch(() => {}) // it is awaited below
    let again: () => Promise<void>
    try {
      again = (await this.person.upload(image)).again
      await made(this.person, this.person.photos.at(-1)!, VARIANTS)
    } finally {
      over = true
    }
    const killed = !existsSync(plan)
    rmSync(plan, { force: true })
    await looked
    await again()
    assert.deepEqual(leftovers(this.state), [])
    const changes = await this.#changes(this.person.photos.at(-1)!.id)
    assert.deepEqual(changes, ['INSERT processing', 'UPDATE ready'], 'what was done to its row')
    return { steps: readFileSync(logFile(this.#folder, id), 'utf8').trimEnd().split('\n'), killed }
  }

  /** Everything that must hold of what was done here, however often it was begun. */
  async check(): Promise<void> {
    await settled(this.person, VARIANTS)
    const told = new Set(this.person.photos.map(({ id }) => id))
    assert.deepEqual(await checkKept(this.clusters, told), [])
    assert.deepEqual(await checkFiles(this.state, this.clusters), [])
    const jobs = await everywhere(
      this.clusters,
      "select name, state from tenfold.jobs where name = 'renderPhoto'",
    )
    assert.deepEqual(jobs, [])
  }
  async #changes(photo: string): Promise<string[]> {
    const sql = `select what || ' ' || status as change from audit.changes where photo = '${photo}' order by 1`
    return (await everywhere<{ change: string }>(this.clusters, sql)).map(({ change }) => change)
  }
}
