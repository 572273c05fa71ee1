import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { violations } from '../cache/history.ts'
import { httpDoor, pairsUntilEnd } from '../cache/workload.ts'
import { until, within } from '../kit/deadline.ts'
import { chooseSeed, Dice, LONG } from '../kit/seed.ts'
import { SplitSystem } from './system.ts'

const SESSIONS = 12
/** Operations before each fault. */
const PART = LONG ? 20_000 : 700
const ROUNDS = LONG ? 10 : 1
const RUN_MS_MAX = 120_000

type Fault = (system: SplitSystem, work: (operations: number) => Promise<void>) => Promise<void>

/** Each leaves the system whole; `work` goes on while something is missing. */
const FAULTS: Readonly<Record<string, Fault>> = {
  'the leading relay is killed': async (system, work) => {
    const repair = await system.killRelay(await system.leader())
    await work(PART / 4)
    await repair()
  },
  'the leading relay is stopped until the other leads, then thawed': async (system, work) => {
    const former = await system.leader()
    former.stop()
    const next = system.relays.find((relay) => relay !== former)!
    await until('the other relay leads', async () => (await next.leads(system.clusters)) || undefined)
    await system.followed()
    await work(PART / 4)
    former.thaw()
    await until('it knows that it leads no longer', async () => {
      const status = Object.values(await former.status())
      return status.every(({ leads }) => !leads) || undefined
    })
  },
  'both relays are killed': async (system, work) => {
    const repairs = []
    for (const relay of [...system.relays]) repairs.push(await system.killRelay(relay))
    await until('a level is bypassed', async () => {
      const ages = await Promise.all(system.webs.map((web) => web.reads()))
      return ages.every(({ age = 0 }) => age > 0) || undefined
    })
    await work(PART / 4)
    for (const repair of repairs) await repair()
  },
  'a web process is stopped until the relay has cut it off, then thawed': async (system) => {
    const [leader, web] = [await system.leader(), system.webs[0]!]
    web.stop()
    await until('it is cut off', async () => (await leader.subscribers()) < system.webs.length || undefined)
    web.thaw()
    await until('it is back', async () => (await leader.subscribers()) === system.webs.length || undefined)
  },
  'a web process is replaced': (system) => system.replaceWeb(0),
  'PostgreSQL is killed': (system) => system.killPostgres(),
}

async function run(t: TestContext, clusters: number): Promise<void> {
  const seed = chooseSeed()
  t.diagnostic(`TENFOLD_SEED=${seed}`)
  const dice = new Dice(seed)
  const system = await SplitSystem.start(t, clusters)
  const troubles = new Map<string, number>()
  let turn = 0
  // Each request of a session goes to another process.
  const door = httpDoor(() => system.url(turn++), troubles)
  const workload = pairsUntilEnd(t, door, dice.branch(1), SESSIONS)
  const work = (operations: number): Promise<void> =>
    within(Promise.race([workload.progress(operations), workload.done]), 'work', RUN_MS_MAX)
  const hits: number[] = []
  for (let round = 0; round < ROUNDS; round++)
    for (const [name, fault] of Object.entries(FAULTS)) {
      await work(PART)
      hits.push(...(await Promise.all(system.webs.map(async (web) => (await web.reads()).hit ?? 0))))
      const before = [...troubles]
      await within(fault(system, work), name, RUN_MS_MAX)
      await system.followed()
      // A process that is ended takes its connections along; what relays do nobody notices.
      if (name.includes('relay')) assert.deepEqual([...troubles], before, `${name}: requests failed`)
    }
  await work(PART)
  workload.end()
  await within(workload.done, 'the last of the work', RUN_MS_MAX)
  const found = violations(workload.history)
  t.diagnostic(`${workload.answered()} operations, hits ${hits}, troubles ${JSON.stringify([...troubles])}`)
  assert.equal(found.length, 0, `seed ${seed}: ${found.length} of\n${found.slice(0, 10).join('\n')}`)
  // It would be easy to be right without ever answering from a cache.
  assert.ok(hits.every((count) => count > 0) && Math.max(...hits) > PART / 4, String(hits))
}

for (const clusters of LONG ? [1, 2] : [2])
  test(`relays killed, stopped and thawed under work: nothing too old, nothing fails (${clusters} clusters; FAULTS 20-22, 32)`, (t) =>
    run(t, clusters))
